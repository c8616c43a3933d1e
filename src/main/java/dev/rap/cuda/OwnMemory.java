package dev.rap.cuda;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * The device memory that this process has, CUDA's own included, by {@link Nvml}.
 *
 * @param device none where there is no NVML, or where it does not show the device
 * @param contextBytes how far the device's free memory fell when the context was made; 0 where that
 *     could not be seen
 */
record OwnMemory(Optional<NvmlDevice> device, long contextBytes) {

  /** What was in use before there was a context. */
  record Beginning(Optional<NvmlDevice> device, long used) {
    OwnMemory after() {
      long now = usedOf(device).orElse(used);
      return new OwnMemory(device, Math.max(0, now - used));
    }
  }

  static Beginning before(DeviceFacts facts) {
    Optional<NvmlDevice> device = Nvml.find().flatMap(nvml -> nvml.device(facts.uuid()));
    return new Beginning(device, usedOf(device).orElse(0L));
  }

  private static Optional<Long> usedOf(Optional<NvmlDevice> device) {
    return device.flatMap(NvmlDevice::memory).map(NvmlDevice.Memory::used);
  }

  /** {@return what this process has; empty where that cannot be seen} */
  OptionalLong processBytes() {
    return device
        .map(nvml -> nvml.usedBy(ProcessHandle.current().pid()))
        .orElse(OptionalLong.empty());
  }
}
