package dev.rap.cuda;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;

/** The driver of this machine, through JCuda. */
final class JCudaProbe implements DriverProbe {
  private static final int NAME_BYTES = 256;

  private CUdevice device;
  private DeviceFacts facts;

  @Override
  public Optional<Cuda.Missing> load() {
    if (!LibCuda.isPresent()) {
      return Optional.of(
          new Cuda.Missing(
              "there is no NVIDIA driver here (no libcuda.so.1)",
              "install the NVIDIA driver, or give the container the GPU (--gpus all)"));
    }
    return JCudaLibraries.load("JCudaDriver", () -> JCudaDriver.setExceptionsEnabled(false))
        .map(none -> new Cuda.Missing(none.reason(), none.remedy()));
  }

  @Override
  public int init() {
    return JCudaDriver.cuInit(0);
  }

  @Override
  public String text(int status) {
    return textOf(status);
  }

  static String textOf(int status) {
    String[] name = new String[1];
    String[] text = new String[1];
    if (JCudaDriver.cuGetErrorName(status, name) != CudaStatus.SUCCESS
        || JCudaDriver.cuGetErrorString(status, text) != CudaStatus.SUCCESS) {
      return "status " + status;
    }
    return "%s (%s, %d)".formatted(text[0], name[0], status);
  }

  @Override
  public boolean isMigOn() {
    return Nvml.find().map(Nvml::isMigOn).orElse(false);
  }

  @Override
  public int version() {
    int[] version = new int[1];
    check(JCudaDriver.cuDriverGetVersion(version), "asking for the driver's version");
    return version[0];
  }

  @Override
  public int devices() {
    int[] count = new int[1];
    check(JCudaDriver.cuDeviceGetCount(count), "counting GPUs");
    return count[0];
  }

  @Override
  public DeviceFacts facts() {
    device = new CUdevice();
    check(JCudaDriver.cuDeviceGet(device, 0), "asking for the first GPU");
    long[] total = new long[1];
    check(JCudaDriver.cuDeviceTotalMem(total, device), "asking for a GPU's memory");
    String name = name();
    facts =
        new DeviceFacts(
            name,
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
            version(),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
            total[0],
            uuid(name));
    return facts;
  }

  private String name() {
    byte[] name = new byte[NAME_BYTES];
    check(JCudaDriver.cuDeviceGetName(name, name.length, device), "asking for a GPU's name");
    int length = 0;
    while (length < name.length && name[length] != 0) {
      length++;
    }
    return new String(name, 0, length, StandardCharsets.UTF_8).strip();
  }

  private int attribute(int attribute) {
    int[] value = new int[1];
    check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "asking what a GPU can do");
    return value[0];
  }

  // The driver says nothing else of whether a device is a MIG instance.
  private static String uuid(String name) {
    byte[] bytes = new byte[16];
    check(LibCuda.uuid(bytes, 0), "asking for a GPU's UUID");
    ByteBuffer uuid = ByteBuffer.wrap(bytes);
    return (name.contains(" MIG ") ? "MIG-" : "GPU-") + new UUID(uuid.getLong(), uuid.getLong());
  }

  @Override
  public OptionalLong freeBytes() {
    return Nvml.find()
        .flatMap(nvml -> nvml.device(facts.uuid()))
        .flatMap(NvmlDevice::memory)
        .map(memory -> OptionalLong.of(memory.free()))
        .orElse(OptionalLong.empty());
  }

  @Override
  public CudaDriver open() {
    return new JCudaCalls(device, facts);
  }

  private static void check(int status, String what) {
    if (status != CudaStatus.SUCCESS) {
      throw CudaStatus.failure(what, status, textOf(status));
    }
  }
}
