package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What is said of each thing that can keep a process from using a GPU. */
class CudaTest {
  private static final String OR_CPU = ", or run with --backend cpu";

  /** A driver in the conditions that its fields say. */
  private static final class Conditions implements DriverProbe {
    Optional<Cuda.Missing> obstacle = Optional.empty();
    int status = CudaStatus.SUCCESS;
    int devices = 1;
    int version = 13_000;
    int major = 9;
    boolean isMigOn;
    RuntimeException refusal;
    OptionalLong free = OptionalLong.empty();
    final FakeDriver driver = new FakeDriver();

    @Override
    public Optional<Cuda.Missing> load() {
      return obstacle;
    }

    @Override
    public int init() {
      return status;
    }

    @Override
    public String text(int status) {
      return "unknown error (CUDA_ERROR_UNKNOWN, %d)".formatted(status);
    }

    @Override
    public boolean isMigOn() {
      return isMigOn;
    }

    @Override
    public int version() {
      return version;
    }

    @Override
    public int devices() {
      return devices;
    }

    @Override
    public DeviceFacts facts() {
      return new DeviceFacts("Tesla T4", major, 5, version, 40, 16_000_000_000L, "GPU-0");
    }

    @Override
    public OptionalLong freeBytes() {
      return free;
    }

    @Override
    public CudaDriver open() {
      if (refusal != null) {
        throw refusal;
      }
      return driver;
    }
  }

  private final Conditions conditions = new Conditions();

  private void assertMissing(String reason, String remedy, Map<String, String> environment) {
    assertEquals(new Cuda.Missing(reason, remedy), Cuda.open(conditions, environment));
  }

  private void assertMissing(String reason, String remedy) {
    assertMissing(reason, remedy, Map.of());
  }

  @Test
  void gpuInOrderIsOpened() {
    Cuda.Opened opened =
        assertInstanceOf(Cuda.Opened.class, Cuda.open(conditions, Map.of("CUDA_HOME", "/cuda")));
    assertSame(conditions.driver, opened.driver());
  }

  @Test
  void thisMachineIsLookedAtWithoutAnError() {
    assertInstanceOf(Cuda.Outcome.class, Cuda.find());
  }

  @Test
  void missingLibraryIsPassedOn() {
    Cuda.Missing missing = new Cuda.Missing("there is no NVIDIA driver here", "install it");
    conditions.obstacle = Optional.of(missing);
    assertSame(missing, Cuda.open(conditions, Map.of()));
  }

  @Test
  void driverIsNewEnoughFrom13On() {
    conditions.version = 12_080;
    assertMissing(
        "the NVIDIA driver supports CUDA 12.8 and RAP needs 13.0",
        "install driver 580.65 or newer" + OR_CPU);
    conditions.version = 13_000;
    assertInstanceOf(Cuda.Opened.class, Cuda.open(conditions, Map.of()));
  }

  @Test
  void visibleDevicesAreNamedWhereTheyHideEveryGpu() {
    String remedy = "unset it, or set it to the number or UUID of a GPU that 'nvidia-smi -L' lists";
    conditions.status = CudaStatus.NO_DEVICE;
    assertMissing(
        "CUDA_VISIBLE_DEVICES is '', which leaves no GPU to this process",
        remedy,
        Map.of("CUDA_VISIBLE_DEVICES", ""));
    conditions.status = CudaStatus.INVALID_DEVICE;
    assertMissing(
        "CUDA_VISIBLE_DEVICES is 'GPU-x', which leaves no GPU to this process",
        remedy,
        Map.of("CUDA_VISIBLE_DEVICES", "GPU-x"));
  }

  @Test
  void thereMayBeNoGpu() {
    String reason = "the NVIDIA driver finds no GPU";
    String remedy = "see whether nvidia-smi works" + OR_CPU;
    conditions.status = CudaStatus.NO_DEVICE;
    assertMissing(reason, remedy);
    conditions.status = CudaStatus.SUCCESS;
    conditions.devices = 0;
    assertMissing(reason, remedy);
  }

  @Test
  void migWithoutAnInstanceIsNamed() {
    conditions.status = CudaStatus.NO_DEVICE;
    conditions.isMigOn = true;
    assertMissing(
        "MIG is on and this process is given no instance of the GPU",
        "make one with 'nvidia-smi mig -cgi', and set CUDA_VISIBLE_DEVICES to the MIG UUID that"
            + " 'nvidia-smi -L' lists");
  }

  @Test
  void capabilityIsEnoughFrom8On() {
    conditions.major = 7;
    assertMissing(
        "the GPU Tesla T4 has compute capability 7.5 and RAP needs 8.0",
        "choose an Ampere GPU or newer with CUDA_VISIBLE_DEVICES" + OR_CPU);
    conditions.major = 8;
    assertInstanceOf(Cuda.Opened.class, Cuda.open(conditions, Map.of()));
  }

  @Test
  void contextMayNotFit() {
    conditions.refusal = new CudaException("making a context failed: out of memory");
    conditions.free = OptionalLong.of(12_000_000);
    assertMissing(
        "the GPU Tesla T4 cannot be opened: making a context failed: out of memory; 12.0 MB of its"
            + " 16.0 GB are free",
        "stop other programs that use it (nvidia-smi lists them)" + OR_CPU);
    conditions.free = OptionalLong.empty();
    assertMissing(
        "the GPU Tesla T4 cannot be opened: making a context failed: out of memory",
        "stop other programs that use it (nvidia-smi lists them)" + OR_CPU);
  }

  @Test
  void driverMayNotStart() {
    conditions.status = CudaStatus.STUB_LIBRARY;
    assertMissing(
        "the libcuda.so.1 that was found is the CUDA toolkit's stub and no driver",
        "take the toolkit's stubs folder out of LD_LIBRARY_PATH");
    conditions.status = CudaStatus.SYSTEM_DRIVER_MISMATCH;
    assertMissing(
        "the NVIDIA driver's library and kernel module are of different versions",
        "restart the machine, or the container with the host's driver");
    conditions.status = 999;
    assertMissing(
        "the NVIDIA driver does not start: unknown error (CUDA_ERROR_UNKNOWN, 999)",
        "see whether nvidia-smi works" + OR_CPU);
  }

  @Test
  void whatOthersUseIsNeitherFreeNorOurContexts() {
    FakeDriver driver = new FakeDriver(1000, 100);
    driver.setOthersBytes(300);
    driver.attach();
    Cuda.Found found = Cuda.found(driver);
    assertEquals(600, found.free());
    assertEquals(300, found.others());
  }
}
