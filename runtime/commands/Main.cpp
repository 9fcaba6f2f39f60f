//===- Main.cpp - the entry point of every executable -------------------------------------------------------------===//

#include "runtime/commands/CommandLine.h"

int main(int argc, char **argv) { return lrt::runCommandLine(*lrt_main_program, argc, argv); }
