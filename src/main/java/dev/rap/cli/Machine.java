package dev.rap.cli;

import com.sun.management.OperatingSystemMXBean;
import dev.rap.Bytes;
import dev.rap.cuda.CublasLibrary;
import dev.rap.cuda.Cuda;
import dev.rap.cuda.DeviceFacts;
import dev.rap.kernels.CpuKernels;
import dev.rap.kernels.Kernels;
import dev.rap.natives.NativeLibrary;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Looks at the machine and at the user's folders, for {@code rap doctor}. */
final class Machine {
  /** The least that models are useful with: SmolLM2-135M in F16 with its KV cache. */
  private static final long SMALL_MEMORY_BYTES = 1_000_000_000;

  private static final long SMALL_DISK_BYTES = 500_000_000;

  private Machine() {}

  /** How a check came out. */
  enum State {
    OK,
    /** RAP works, but worse than it could. */
    NOTE,
    /** Something of RAP does not work. */
    PROBLEM
  }

  /**
   * One thing that was looked at.
   *
   * @param found what is there
   * @param fix what to do about it; empty if nothing
   */
  record Check(String name, State state, String found, String fix) {
    static Check ok(String name, String found) {
      return new Check(name, State.OK, found, "");
    }
  }

  static Check java() {
    String found =
        "%s %s, %s"
            .formatted(
                System.getProperty("java.vendor"),
                Runtime.version(),
                System.getProperty("java.home"));
    return Check.ok("Java", found);
  }

  static Check nativeAccess() {
    if (Machine.class.getModule().isNativeAccessEnabled()) {
      return Check.ok("native access", "allowed");
    }
    return new Check(
        "native access",
        State.NOTE,
        "not allowed by a flag, so Java warns",
        "start RAP with ./rap, or with java -jar rap.jar");
  }

  static Check system() {
    String os = System.getProperty("os.name");
    String arch = System.getProperty("os.arch");
    String found = "%s %s on %s".formatted(os, System.getProperty("os.version"), arch);
    if (os.equals("Linux") && arch.equals("amd64")) {
      return Check.ok("system", found);
    }
    return new Check(
        "system", State.NOTE, found, "the fast kernels are made for Linux on x86-64 only");
  }

  static Check libc() {
    Optional<String> glibc = firstLineOf("getconf", "GNU_LIBC_VERSION");
    if (glibc.isPresent() && glibc.get().startsWith("glibc")) {
      return Check.ok("C library", glibc.get());
    }
    return new Check(
        "C library", State.NOTE, "not glibc", "the fast kernels need glibc 2.31 or newer");
  }

  static Check processor() {
    int cores = Runtime.getRuntime().availableProcessors();
    String model = cpuInfo("model name").orElse("unknown");
    List<String> isa = new ArrayList<>();
    List<String> flags = List.of(cpuInfo("flags").orElse("").split(" "));
    for (String flag : List.of("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16")) {
      if (flags.contains(flag)) {
        isa.add(flag);
      }
    }
    return Check.ok(
        "processor",
        "%s, %d %s, %s"
            .formatted(
                model,
                cores,
                cores == 1 ? "core" : "cores",
                isa.isEmpty() ? "no AVX2" : String.join(" ", isa)));
  }

  private static Optional<String> cpuInfo(String key) {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith(key))
          .findFirst()
          .map(line -> line.substring(line.indexOf(':') + 1).strip());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  static Check kernels() {
    return switch (NativeLibrary.cpu()) {
      case NativeLibrary.Loaded loaded -> {
        try (Kernels kernels = CpuKernels.open(1)) {
          yield Check.ok("kernels", "%s, %s".formatted(kernels.description(), loaded.path()));
        }
      }
      case NativeLibrary.Unavailable none ->
          new Check("kernels", State.NOTE, "slow Java kernels: " + none.reason(), none.remedy());
    };
  }

  static Check memory() {
    long total =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    Optional<Long> available = availableMemory();
    String found =
        "%s%s, Java heap up to %s"
            .formatted(
                Bytes.text(total),
                available.map(bytes -> ", " + Bytes.text(bytes) + " available").orElse(""),
                Bytes.text(Runtime.getRuntime().maxMemory()));
    if (available.orElse(total) < SMALL_MEMORY_BYTES) {
      return new Check("memory", State.NOTE, found, "close something, or use a smaller model");
    }
    return Check.ok("memory", found);
  }

  private static Optional<Long> availableMemory() {
    try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
      return lines
          .filter(line -> line.startsWith("MemAvailable:"))
          .findFirst()
          .map(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Looks whether files can be made in {@code folder}, which need not exist. */
  static Check folder(String name, Path folder, String variable) {
    String advice = "make it writable, or set %s to another folder".formatted(variable);
    try {
      Path existing = folder;
      while (existing != null && !Files.exists(existing)) {
        existing = existing.getParent();
      }
      if (existing == null || !Files.isDirectory(existing)) {
        return new Check(name, State.PROBLEM, folder + " cannot be made", advice);
      }
      // Asking for permission says nothing of a read-only disk: try it.
      Files.delete(Files.createTempFile(existing, ".rap", ".probe"));
      long free = Files.getFileStore(existing).getUsableSpace();
      String found = "%s, %s free".formatted(folder, Bytes.text(free));
      return free < SMALL_DISK_BYTES
          ? new Check(name, State.NOTE, found, "make room, or set %s".formatted(variable))
          : Check.ok(name, found);
    } catch (IOException e) {
      return new Check(name, State.PROBLEM, folder + " cannot be written to", advice);
    }
  }

  static Check models(Models models) {
    List<String> there = new ArrayList<>();
    for (PublishedModel model : PublishedModel.ALL) {
      if (Files.exists(models.fileOf(model))) {
        there.add(model.name());
      }
    }
    if (there.isEmpty()) {
      return new Check("models", State.NOTE, "none pulled", "./rap pull smollm2-135m");
    }
    return Check.ok("models", String.join(", ", there));
  }

  static Check gpu() {
    if (!Cuda.isDriverPresent()) {
      return Check.ok("GPU", "no NVIDIA driver, models run on the CPU");
    }
    return switch (Cuda.find()) {
      case Cuda.Found found -> {
        DeviceFacts facts = found.facts();
        yield Check.ok(
            "GPU",
            "%s, compute capability %d.%d, driver for CUDA %d.%d, %s of %s free, %s used by others"
                .formatted(
                    facts.name(),
                    facts.major(),
                    facts.minor(),
                    facts.driverVersion() / 1000,
                    facts.driverVersion() % 1000 / 10,
                    Bytes.text(found.free()),
                    Bytes.text(facts.totalBytes()),
                    Bytes.text(found.others())));
      }
      case Cuda.Missing missing ->
          new Check("GPU", State.PROBLEM, missing.reason(), missing.remedy());
    };
  }

  static Check cudaKernels() {
    return switch (NativeLibrary.cuda()) {
      case NativeLibrary.Loaded loaded ->
          Check.ok("CUDA kernels", "%s, %s".formatted(Cuda.buildInfo(loaded), loaded.path()));
      case NativeLibrary.Unavailable none -> cudaNote("CUDA kernels", none.reason(), none.remedy());
    };
  }

  static Check cublas() {
    return switch (CublasLibrary.find()) {
      case CublasLibrary.Loaded loaded ->
          Check.ok(
              "cuBLAS",
              "%s%s".formatted(loaded.path(), loaded.isTranslated() ? ", used as cuBLAS 12" : ""));
      case CublasLibrary.Missing none -> cudaNote("cuBLAS", none.reason(), none.remedy());
    };
  }

  // Where there is no GPU nothing is to be mended.
  private static Check cudaNote(String name, String found, String fix) {
    return Cuda.isDriverPresent()
        ? new Check(name, State.NOTE, found, fix)
        : Check.ok(name, "not needed without a GPU: " + found);
  }

  /** Looks for the programs that building and pulling need. */
  static Check tools(Map<String, String> environment) {
    List<String> lacking = new ArrayList<>();
    for (String tool : List.of("mvn", "gcc", "python3")) {
      if (!isOnPath(tool, environment.getOrDefault("PATH", ""))) {
        lacking.add(tool);
      }
    }
    if (lacking.isEmpty()) {
      return Check.ok("tools", "mvn, gcc, python3");
    }
    return new Check(
        "tools",
        State.NOTE,
        "no " + String.join(", no ", lacking),
        "mvn builds RAP, gcc its fast kernels, python3 with pip fetches models: install what you need");
  }

  private static boolean isOnPath(String tool, String path) {
    for (String folder : path.split(":", -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, tool))) {
        return true;
      }
    }
    return false;
  }

  private static Optional<String> firstLineOf(String... command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
        return Optional.ofNullable(out.readLine())
            .map(line -> line.strip().toLowerCase(Locale.ROOT));
      }
    } catch (IOException e) {
      return Optional.empty(); // there is no such program
    }
  }
}
