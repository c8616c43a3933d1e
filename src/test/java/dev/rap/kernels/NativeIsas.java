package dev.rap.kernels;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.rap.natives.NativeLibrary;
import java.util.Arrays;
import java.util.List;

/** The instruction sets that tests can run here. */
final class NativeIsas {
  private NativeIsas() {}

  static List<Isa> all() {
    return switch (NativeLibrary.cpu()) {
      case NativeLibrary.Loaded _ ->
          Arrays.stream(Isa.values()).filter(isa -> isa.compareTo(Team.bestIsa()) <= 0).toList();
      case NativeLibrary.Unavailable none -> abort("no native kernels: " + none.reason());
    };
  }
}
