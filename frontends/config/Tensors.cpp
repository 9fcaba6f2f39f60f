#include "frontends/config/Tensors.h"
#include "compiler/support/Errors.h"
#include "frontends/config/TensorConventions.h"

using namespace lathe;

std::string lathe::tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer) {
  return checkpoint.conventions.nameOf(model, checkpoint, slot, layer);
}

absl::StatusOr<TensorBinding> lathe::bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                                Slot slot, int64_t layer) {
  if (slot == Slot::Head && config.tied)
    slot = Slot::Embed;
  TensorBinding binding;
  binding.shape = slotShape(model, config, slot, layer);
  if (checkpoint)
    LATHE_RETURN_IF_ERROR(checkpoint->conventions.bind({model, config, *checkpoint, slot, layer}, binding));
  return binding;
}

absl::Status lathe::checkTensors(const Model &model, const Config &config, const Checkpoint &checkpoint) {
  for (Slot slot : globalSlots(model, config))
    LATHE_RETURN_IF_ERROR(bindTensor(model, config, &checkpoint, slot).status());
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (Slot slot : layerSlots(model, config, layer))
      LATHE_RETURN_IF_ERROR(bindTensor(model, config, &checkpoint, slot, layer).status());
  return absl::OkStatus();
}
