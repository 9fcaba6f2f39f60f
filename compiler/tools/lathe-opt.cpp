// Our dialects and passes, one by one or as the driver runs them (--lm-graph ...).

#include "compiler/driver/Pipelines.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lathe::registerDialects(registry);
  lathe::registerPasses();
  return mlir::failed(mlir::MlirOptMain(argc, argv, "lathe's passes\n", registry));
}
