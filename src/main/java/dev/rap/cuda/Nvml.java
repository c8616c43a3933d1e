package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * NVIDIA's management library, {@code libnvidia-ml.so.1}: what the driver knows about devices and
 * about the processes that use them. It may be used from any thread, and stays loaded.
 */
final class Nvml {
  private static final String NAME = "libnvidia-ml.so.1";
  private static final int SUCCESS = 0;
  private static final int VERSION_BYTES = 80;

  private final MethodHandle handleByUuid;
  private final MethodHandle memoryInfo;
  private final MethodHandle processes;
  private final String driverVersion;
  private final boolean migOn;

  private Nvml(SymbolLookup library) {
    if (call(function(library, "nvmlInit_v2")) != SUCCESS) {
      throw new UnsatisfiedLinkError(NAME + " does not start");
    }
    this.driverVersion =
        version(function(library, "nvmlSystemGetDriverVersion", ADDRESS, JAVA_INT));
    this.handleByUuid = function(library, "nvmlDeviceGetHandleByUUID", ADDRESS, ADDRESS);
    this.memoryInfo = function(library, "nvmlDeviceGetMemoryInfo_v2", ADDRESS, ADDRESS);
    this.processes =
        function(library, "nvmlDeviceGetComputeRunningProcesses_v3", ADDRESS, ADDRESS, ADDRESS);
    this.migOn =
        isMigOn(
            function(library, "nvmlDeviceGetHandleByIndex_v2", JAVA_INT, ADDRESS),
            function(library, "nvmlDeviceGetMigMode", ADDRESS, ADDRESS, ADDRESS));
  }

  /** {@return the library, unless it is missing, older than CUDA 12, or finds no driver} */
  static Optional<Nvml> find() {
    return Holder.NVML;
  }

  private static final class Holder {
    static final Optional<Nvml> NVML = open();
  }

  @SuppressWarnings("restricted") // the driver's own library, from where the system looks for it
  private static Optional<Nvml> open() {
    try {
      return Optional.of(new Nvml(SymbolLookup.libraryLookup(NAME, Arena.global())));
    } catch (IllegalArgumentException | UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  @SuppressWarnings("restricted") // signatures of nvml.h, all of which return nvmlReturn_t
  private static MethodHandle function(
      SymbolLookup library, String name, MemoryLayout... parameters) {
    MemorySegment address =
        library.find(name).orElseThrow(() -> new UnsatisfiedLinkError(NAME + " has no " + name));
    return Linker.nativeLinker()
        .downcallHandle(address, FunctionDescriptor.of(JAVA_INT, parameters));
  }

  private static int call(MethodHandle function) {
    try {
      return (int) function.invokeExact();
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  private static String version(MethodHandle function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(VERSION_BYTES);
      int status = (int) function.invokeExact(text, VERSION_BYTES);
      return status == SUCCESS ? text.getString(0) : "unknown";
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  private static boolean isMigOn(MethodHandle handleByIndex, MethodHandle migMode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      MemorySegment current = arena.allocate(JAVA_INT);
      MemorySegment pending = arena.allocate(JAVA_INT);
      for (int i = 0; (int) handleByIndex.invokeExact(i, handle) == SUCCESS; i++) {
        int status = (int) migMode.invokeExact(handle.get(ADDRESS, 0), current, pending);
        if (status == SUCCESS && current.get(JAVA_INT, 0) != 0) {
          return true;
        }
      }
      return false;
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /** {@return whether some GPU was divided into MIG instances when this was first asked} */
  boolean isMigOn() {
    return migOn;
  }

  /** {@return such as {@code 580.159.03}} */
  String driverVersion() {
    return driverVersion;
  }

  /**
   * {@return the device, unless this process may not see it}
   *
   * @param uuid such as {@link DeviceFacts#uuid()}; MIG instances have one of their own
   */
  Optional<NvmlDevice> device(String uuid) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ADDRESS);
      int status = (int) handleByUuid.invokeExact(arena.allocateFrom(uuid), handle);
      return status == SUCCESS
          ? Optional.of(new NvmlDevice(memoryInfo, processes, handle.get(ADDRESS, 0)))
          : Optional.empty();
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }
}
