package dev.rap.cuda;

import dev.rap.Bytes;
import dev.rap.natives.NativeLibrary;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Whether this process can use a GPU. It uses the first that the driver shows to it. */
public final class Cuda {
  /** The oldest driver, as the CUDA version that it supports, and its number. */
  private static final int LEAST_VERSION = 13_000;

  private static final String LEAST_DRIVER = "580.65";
  private static final int LEAST_CAPABILITY = 8;
  private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";
  private static final String OR_CPU = "or run with --backend cpu";

  private Cuda() {}

  /** What came of looking for a GPU. */
  public sealed interface Outcome permits Found, Missing {}

  /**
   * A GPU can be used.
   *
   * @param free bytes of it, beside a context
   * @param others bytes that others use, beside a context of ours
   */
  public record Found(DeviceFacts facts, long free, long others) implements Outcome {}

  /** What came of opening the GPU. */
  sealed interface Opening permits Opened, Missing {}

  /** The first GPU, whose context is current on this thread. Whoever asked closes the driver. */
  record Opened(CudaDriver driver) implements Opening {}

  /**
   * No GPU can be used.
   *
   * @param reason a clause: what is missing or went wrong, and where
   * @param remedy a clause: what to do about it
   */
  public record Missing(String reason, String remedy)
      implements Outcome, Opening, CudaBackend.Result {}

  /** {@return who compiled the kernels, and for what} */
  public static String buildInfo(NativeLibrary.Loaded kernels) {
    return new NativeCudaKernels(kernels.symbols()).buildInfo();
  }

  /** {@return whether this machine has an NVIDIA driver, whatever it is worth} */
  public static boolean isDriverPresent() {
    return LibCuda.isPresent();
  }

  /** {@return the GPU, after its context has been made and given back} */
  public static Outcome find() {
    return switch (open()) {
      case Missing missing -> missing;
      case Opened opened -> {
        CudaDriver driver = opened.driver();
        Found found = found(driver);
        driver.close();
        yield found;
      }
    };
  }

  static Found found(CudaDriver driver) {
    CudaDriver.MemoryInfo memory = driver.memoryInfo();
    long others = memory.total() - memory.free() - driver.contextBytes();
    return new Found(driver.facts(), memory.free(), Math.max(0, others));
  }

  static Opening open() {
    String system = System.getProperty("os.name");
    String architecture = System.getProperty("os.arch");
    if (!system.toLowerCase(Locale.ROOT).equals("linux") || !architecture.equals("amd64")) {
      return new Missing(
          "GPUs are used on Linux on x86-64 only, this is %s on %s".formatted(system, architecture),
          "run with --backend cpu");
    }
    return open(new JCudaProbe(), System.getenv());
  }

  static Opening open(DriverProbe probe, Map<String, String> environment) {
    Optional<Missing> obstacle = probe.load();
    if (obstacle.isPresent()) {
      return obstacle.get();
    }
    int status = probe.init();
    try {
      if (status != CudaStatus.SUCCESS || probe.devices() == 0) {
        return notStarted(probe, status, environment);
      }
      if (probe.version() < LEAST_VERSION) {
        return tooOld(probe.version());
      }
      DeviceFacts facts = probe.facts();
      return facts.major() < LEAST_CAPABILITY ? incapable(facts) : context(probe, facts);
    } catch (CudaException e) {
      return new Missing(
          "the NVIDIA driver cannot be used: " + e.getMessage(), seeWhetherItWorks());
    }
  }

  private static Missing notStarted(
      DriverProbe probe, int status, Map<String, String> environment) {
    return switch (status) {
      case CudaStatus.SUCCESS, CudaStatus.NO_DEVICE, CudaStatus.INVALID_DEVICE ->
          noDevice(probe, environment.get(VISIBLE));
      case CudaStatus.STUB_LIBRARY ->
          new Missing(
              "the libcuda.so.1 that was found is the CUDA toolkit's stub and no driver",
              "take the toolkit's stubs folder out of LD_LIBRARY_PATH");
      case CudaStatus.SYSTEM_DRIVER_MISMATCH ->
          new Missing(
              "the NVIDIA driver's library and kernel module are of different versions",
              "restart the machine, or the container with the host's driver");
      case CudaStatus.COMPAT_NOT_SUPPORTED_ON_DEVICE ->
          new Missing(
              "the libcuda.so.1 that was found is CUDA's compatibility package, which does not"
                  + " support this GPU",
              "take the compat folder out of LD_LIBRARY_PATH, and install a newer driver");
      case CudaStatus.SYSTEM_NOT_READY ->
          new Missing(
              "the GPU is not ready: " + probe.text(status),
              "start the services that it needs, such as nvidia-fabricmanager");
      default ->
          new Missing(
              "the NVIDIA driver does not start: " + probe.text(status), seeWhetherItWorks());
    };
  }

  private static Missing noDevice(DriverProbe probe, String visible) {
    if (visible != null) {
      return new Missing(
          "%s is '%s', which leaves no GPU to this process".formatted(VISIBLE, visible),
          "unset it, or set it to the number or UUID of a GPU that 'nvidia-smi -L' lists");
    }
    if (probe.isMigOn()) {
      return new Missing(
          "MIG is on and this process is given no instance of the GPU",
          "make one with 'nvidia-smi mig -cgi', and set %s to the MIG UUID that 'nvidia-smi -L' lists"
              .formatted(VISIBLE));
    }
    return new Missing("the NVIDIA driver finds no GPU", seeWhetherItWorks());
  }

  private static String seeWhetherItWorks() {
    return "see whether nvidia-smi works, " + OR_CPU;
  }

  private static Missing tooOld(int version) {
    return new Missing(
        "the NVIDIA driver supports CUDA %d.%d and RAP needs 13.0"
            .formatted(version / 1000, version % 1000 / 10),
        "install driver %s or newer, %s".formatted(LEAST_DRIVER, OR_CPU));
  }

  private static Missing incapable(DeviceFacts facts) {
    return new Missing(
        "the GPU %s has compute capability %d.%d and RAP needs 8.0"
            .formatted(facts.name(), facts.major(), facts.minor()),
        "choose an Ampere GPU or newer with %s, %s".formatted(VISIBLE, OR_CPU));
  }

  private static Opening context(DriverProbe probe, DeviceFacts facts) {
    try {
      return new Opened(probe.open());
    } catch (CudaException e) {
      OptionalLong free = probe.freeBytes();
      String memory =
          free.isEmpty()
              ? ""
              : "; %s of its %s are free"
                  .formatted(Bytes.text(free.getAsLong()), Bytes.text(facts.totalBytes()));
      return new Missing(
          "the GPU %s cannot be opened: %s%s".formatted(facts.name(), e.getMessage(), memory),
          "stop other programs that use it (nvidia-smi lists them), " + OR_CPU);
    }
  }
}
