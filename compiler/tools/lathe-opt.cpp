// mlir-opt with Lathe's dialects and passes. --lm-graph, --lm-schedule, ... run the stages as the driver does.

#include "compiler/driver/Pipelines.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lathe::registerDialects(registry);
  lathe::registerPasses();
  return mlir::failed(mlir::MlirOptMain(argc, argv, "lathe's passes\n", registry));
}
