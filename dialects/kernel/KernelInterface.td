#ifndef KERNEL_INTERFACE_TD
#define KERNEL_INTERFACE_TD

include "mlir/IR/Interfaces.td"

def KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::mlir::kernel";
  let description = [{
    What a kernel reads, writes and computes. lm-verify-schedule asks it for races, lm-predict-cost for bytes and operations.
    Neither has a list of ops.

    An op answers in terms of its operands: a view, an index operand, a constant (KernelInterface.h). It knows nothing of the
    schedule; the pass evaluates the index arithmetic.

    An op on rows has nothing to write: the default answer follows from its operands. Memory is read and written as
    `Kernel_In`, `Kernel_Out`, `Kernel_InOut` and `Kernel_Scratch` say, and a weight is read once, all of it. An op that reads
    a part of a weight, or uses a cache or a recurrent state, answers itself. So do the ops of `lm` that may stand in
    kernel.compute (LMOpModels.cpp).
  }];
  let methods = [
    InterfaceMethod<"The memory that the op reads and writes.", "::mlir::kernel::Accesses", "getAccesses", (ins), [{}],
                    [{ return ::mlir::kernel::getOperandAccesses($_op); }]>,
    InterfaceMethod<[{
      The operations that the op's dot products take. Bytes are not here: they are those of getAccesses(), and what several
      tiles read is read once. Times are not here either: they are the target's.
    }], "::mlir::kernel::Cost", "getCost", (ins), [{}], [{ return {}; }]>
  ];
}

#endif // KERNEL_INTERFACE_TD
