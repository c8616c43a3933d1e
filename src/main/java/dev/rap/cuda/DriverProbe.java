package dev.rap.cuda;

import java.util.Optional;
import java.util.OptionalLong;

/** What is asked of a driver before there is a context, in the order of the methods. */
interface DriverProbe {
  /** {@return why the driver's library, or JCuda, cannot be loaded} */
  Optional<Cuda.Missing> load();

  /** {@return the {@link CudaStatus} of starting the driver} */
  int init();

  /** {@return what a status means, and its name} */
  String text(int status);

  /** {@return whether some GPU of the machine is divided into MIG instances} */
  boolean isMigOn();

  /** {@return the CUDA version that the driver supports, such as 12040} */
  int version();

  /** {@return how many GPUs the driver lets this process use} */
  int devices();

  /** {@return the first of them} */
  DeviceFacts facts();

  /** {@return its free bytes, where they can be seen from outside} */
  OptionalLong freeBytes();

  /**
   * {@return the driver with the first device's context}
   *
   * @throws CudaException if it cannot be made
   */
  CudaDriver open();
}
