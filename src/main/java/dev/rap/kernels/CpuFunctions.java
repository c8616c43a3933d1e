package dev.rap.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.rap.natives.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * The functions of {@code native/rap_cpu.h}, all linked when this class is first used, which must
 * not be before the library is {@linkplain NativeLibrary.Loaded loaded}.
 */
final class CpuFunctions {
  private static final SymbolLookup SYMBOLS = symbols();

  static final MethodHandle BEST_ISA = link("rap_best_isa", FunctionDescriptor.of(JAVA_INT));
  static final MethodHandle TEAM_NEW =
      link("rap_team_new", FunctionDescriptor.of(ADDRESS, JAVA_INT, JAVA_INT));
  static final MethodHandle TEAM_WORK =
      link("rap_team_work", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT));
  static final MethodHandle TEAM_CLOSE = link("rap_team_close", FunctionDescriptor.ofVoid(ADDRESS));
  static final MethodHandle TEAM_FREE = link("rap_team_free", FunctionDescriptor.ofVoid(ADDRESS));

  static final MethodHandle EMBED =
      operation(
          "rap_embed",
          ADDRESS, // y
          JAVA_INT, // dtype
          ADDRESS, // table
          JAVA_LONG, // rows of the table
          JAVA_LONG, // columns
          ADDRESS, // tokens
          JAVA_INT); // count

  static final MethodHandle RMS_NORM =
      operation(
          "rap_rms_norm",
          ADDRESS, // y
          ADDRESS, // x
          JAVA_LONG, // their stride
          JAVA_INT, // tokens
          ADDRESS, // weight
          JAVA_LONG, // its size
          JAVA_FLOAT, // eps
          ADDRESS, // columns
          JAVA_INT, // ranges of columns
          JAVA_INT); // accumulate

  static final MethodHandle SCALE = onElements("rap_scale");
  static final MethodHandle SOFT_CAP = onElements("rap_soft_cap");

  static final MethodHandle MULTIPLY_ADDS =
      operation(
          "rap_multiply_adds",
          ADDRESS, // x
          JAVA_INT, // elements
          JAVA_FLOAT, // factor
          JAVA_FLOAT, // addend
          JAVA_INT); // rounds

  static final MethodHandle MATMUL =
      operation(
          "rap_matmul",
          ADDRESS, // y
          JAVA_LONG, // its stride
          ADDRESS, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_INT, // dtype
          ADDRESS, // w
          JAVA_LONG, // bytes of a row
          ADDRESS, // rows
          JAVA_INT, // ranges of rows
          ADDRESS, // columns
          JAVA_INT, // ranges of columns
          JAVA_INT); // accumulate

  static final MethodHandle GATED_MATMUL =
      operation(
          "rap_gated_matmul",
          ADDRESS, // y
          JAVA_LONG, // its stride
          ADDRESS, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_INT, // dtype of the gate
          ADDRESS, // gate
          JAVA_LONG, // bytes of a row
          ADDRESS, // its bias
          JAVA_INT, // dtype of up
          ADDRESS, // up
          JAVA_LONG, // bytes of a row
          ADDRESS, // its bias
          JAVA_INT, // activation
          ADDRESS, // rows
          JAVA_INT, // ranges of rows
          JAVA_INT); // columns

  static final MethodHandle ADD_ROW =
      operation(
          "rap_add_row",
          ADDRESS, // y
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          ADDRESS, // row
          ADDRESS, // columns
          JAVA_INT); // ranges of columns

  static final MethodHandle ROPE =
      operation(
          "rap_rope",
          ADDRESS, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          ADDRESS, // cosines and sines
          JAVA_INT, // elements of a head that turn
          JAVA_INT, // head size
          JAVA_INT, // interleaved
          ADDRESS, // columns
          JAVA_INT); // ranges of columns

  static final MethodHandle STORE_KV =
      operation(
          "rap_store_kv",
          ADDRESS, // keys
          ADDRESS, // values
          JAVA_LONG, // group stride
          JAVA_INT, // head size
          ADDRESS, // k
          ADDRESS, // v
          JAVA_LONG, // their stride
          JAVA_INT, // tokens
          ADDRESS, // slots
          ADDRESS, // head groups
          JAVA_INT); // ranges of head groups

  static final MethodHandle ATTENTION =
      operation(
          "rap_attention",
          ADDRESS, // y
          ADDRESS, // q
          JAVA_LONG, // their stride
          JAVA_INT, // query heads of a group
          JAVA_FLOAT, // scale
          JAVA_FLOAT, // soft cap
          JAVA_INT, // window
          ADDRESS, // keys
          ADDRESS, // values
          JAVA_LONG, // group stride
          JAVA_INT, // head size
          JAVA_INT, // tokens
          ADDRESS, // positions
          ADDRESS, // sequence of each token
          ADDRESS, // block tables
          JAVA_LONG, // their stride
          JAVA_INT, // block size
          ADDRESS, // present
          JAVA_INT, // KV heads
          ADDRESS, // head groups
          JAVA_INT); // ranges of head groups

  static final MethodHandle LOG_PROBS =
      operation(
          "rap_log_probs",
          ADDRESS, // y
          ADDRESS, // logits
          JAVA_INT, // tokens
          JAVA_LONG, // vocabulary
          ADDRESS); // targets

  private CpuFunctions() {}

  private static SymbolLookup symbols() {
    return switch (NativeLibrary.cpu()) {
      case NativeLibrary.Loaded loaded -> loaded.symbols();
      case NativeLibrary.Unavailable none -> throw new IllegalStateException(none.reason());
    };
  }

  private static MethodHandle onElements(String name) {
    return operation(
        name,
        ADDRESS, // x
        JAVA_INT, // rows
        JAVA_LONG, // columns
        JAVA_FLOAT); // factor or cap
  }

  // Every operation takes the team first and returns an enum rap_status.
  private static MethodHandle operation(String name, MemoryLayout... arguments) {
    return link(name, FunctionDescriptor.of(JAVA_INT, arguments).insertArgumentLayouts(0, ADDRESS));
  }

  @SuppressWarnings(
      "restricted") // the header and this class have one ABI version, compared at load
  private static MethodHandle link(String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(SYMBOLS.findOrThrow(name), descriptor);
  }
}
