//===- Main.cpp - the entry point of every executable -------------------------------------------------------------===//

#include "CommandLine.h"

int main(int argc, char **argv) { return lrt::runCommandLine(lathe_program, argc, argv); }
