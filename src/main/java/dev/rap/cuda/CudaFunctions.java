package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The signatures of {@code kernels/rap_cuda.h}, each by the name of its function. The first
 * argument of every handle is the function's address, so that the handles are constants whichever
 * library has the functions. Device memory and streams are addresses.
 *
 * <p>{@code rap_cuda_abi_version} is not here: who loads the library asks for it.
 */
final class CudaFunctions {
  static final MethodHandle BUILD_INFO = link(FunctionDescriptor.of(ADDRESS));
  static final MethodHandle ERROR_TEXT = link(FunctionDescriptor.of(ADDRESS, JAVA_INT));
  static final MethodHandle PREPARE = link(FunctionDescriptor.of(JAVA_INT));
  static final MethodHandle ACCUMULATE_SCRATCH =
      link(FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT));
  static final MethodHandle ATTENTION_SCRATCH =
      link(FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));

  static final MethodHandle ROWS =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // its stride
          JAVA_INT, // whether it is F32
          JAVA_LONG, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_LONG, // w
          JAVA_INT, // rows
          JAVA_INT, // d
          JAVA_LONG, // units
          JAVA_INT); // unit rows

  static final MethodHandle GATED_ROWS =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // its stride
          JAVA_LONG, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_LONG, // gate
          JAVA_LONG, // up
          JAVA_LONG, // bias of the gate
          JAVA_LONG, // bias of up
          JAVA_INT, // rows
          JAVA_INT, // d
          JAVA_LONG, // units
          JAVA_INT); // unit rows

  static final MethodHandle ACCUMULATE =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_LONG, // w
          JAVA_INT, // rows
          JAVA_INT, // d
          JAVA_LONG, // units
          JAVA_INT, // unit rows
          JAVA_LONG, // addend
          JAVA_LONG); // scratch

  static final MethodHandle ATTENTION_ONE =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // its stride
          JAVA_LONG, // qkv
          JAVA_LONG, // its stride
          JAVA_INT, // groups
          JAVA_INT, // group heads
          JAVA_INT, // head size
          JAVA_LONG, // KvBlocks
          JAVA_LONG, // positions
          JAVA_LONG, // tables
          JAVA_INT, // their stride
          JAVA_INT, // block size
          JAVA_LONG, // present
          JAVA_INT, // sequences
          JAVA_LONG, // units
          JAVA_LONG); // scratch

  static final MethodHandle ATTENTION_MANY =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // its stride
          JAVA_LONG, // qkv
          JAVA_LONG, // its stride
          JAVA_INT, // groups
          JAVA_INT, // group heads
          JAVA_INT, // head size
          JAVA_LONG, // KvBlocks
          JAVA_LONG, // tiles
          JAVA_INT, // their count
          JAVA_LONG, // tables
          JAVA_INT, // their stride
          JAVA_INT, // block size
          JAVA_LONG, // present
          JAVA_LONG); // units

  static final MethodHandle EMBED =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // table
          JAVA_LONG, // tokens
          JAVA_INT, // count
          JAVA_INT); // d

  static final MethodHandle RMS_NORM =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // x
          JAVA_LONG, // weight
          JAVA_LONG, // rows
          JAVA_INT, // tokens
          JAVA_INT, // d
          JAVA_FLOAT); // eps

  static final MethodHandle ROPE_STORE =
      elements(
          JAVA_LONG, // qkv
          JAVA_LONG, // its stride
          JAVA_LONG, // bias
          JAVA_INT, // tokens
          JAVA_INT, // groups
          JAVA_INT, // group heads
          JAVA_INT, // head size
          JAVA_LONG, // cosines and sines
          JAVA_INT, // interleaved
          JAVA_LONG, // positions
          JAVA_LONG, // slots
          JAVA_LONG, // KvBlocks
          JAVA_INT, // block size
          JAVA_LONG); // units

  static final MethodHandle SWIGLU =
      elements(
          JAVA_LONG, // gate
          JAVA_LONG, // up
          JAVA_LONG, // bias of the gate
          JAVA_LONG, // bias of up
          JAVA_LONG, // their stride
          JAVA_INT, // tokens
          JAVA_INT, // channels
          JAVA_LONG, // units
          JAVA_INT); // unit rows

  static final MethodHandle ADD_ROW =
      queued(
          JAVA_LONG, // y
          JAVA_LONG, // row
          JAVA_INT, // tokens
          JAVA_INT); // d

  static final MethodHandle COLUMN_SUMS =
      elements(
          JAVA_LONG, // sums
          JAVA_LONG, // x
          JAVA_LONG, // its stride
          JAVA_INT, // tokens
          JAVA_INT); // columns

  static final MethodHandle ARGMAX =
      queued(
          JAVA_LONG, // y
          JAVA_LONG, // logits
          JAVA_INT, // rows
          JAVA_INT); // vocabulary

  static final MethodHandle SAMPLE =
      queued(
          JAVA_LONG, // y
          JAVA_LONG, // logits
          JAVA_INT, // rows
          JAVA_INT, // vocabulary
          JAVA_LONG); // draws

  static final MethodHandle LOG_PROBS =
      queued(
          JAVA_LONG, // y
          JAVA_LONG, // logits
          JAVA_INT, // rows
          JAVA_INT, // vocabulary
          JAVA_LONG); // targets

  static final MethodHandle FETCH =
      queued(
          JAVA_LONG, // y
          JAVA_LONG, // x
          JAVA_LONG); // bytes

  static final MethodHandle COPY_BLOCKS =
      queued(
          JAVA_LONG, // x
          JAVA_LONG, // bytes of a block
          JAVA_LONG, // pairs
          JAVA_INT); // count

  static final MethodHandle PICK_GROUPS =
      elements(
          JAVA_LONG, // y
          JAVA_INT, // its groups
          JAVA_LONG, // x
          JAVA_INT, // its groups
          JAVA_LONG, // ranks
          JAVA_INT, // blocks
          JAVA_INT, // head size
          JAVA_INT); // block size

  static final MethodHandle CONVERT =
      elements(
          JAVA_LONG, // y
          JAVA_LONG, // its columns
          JAVA_LONG, // run
          JAVA_LONG, // run stride
          JAVA_LONG, // x
          JAVA_INT, // its stored type
          JAVA_LONG, // first row
          JAVA_LONG, // rows
          JAVA_LONG, // columns
          JAVA_INT); // transposed

  static final MethodHandle READ =
      queued(
          JAVA_LONG, // x
          JAVA_LONG, // bytes
          JAVA_LONG); // sink

  private CudaFunctions() {}

  // Functions on elements take the stream and the elements' type first.
  private static MethodHandle elements(MemoryLayout... arguments) {
    return link(
        FunctionDescriptor.of(JAVA_INT, arguments).insertArgumentLayouts(0, JAVA_LONG, JAVA_INT));
  }

  // What is queued takes the stream first and returns a status.
  private static MethodHandle queued(MemoryLayout... arguments) {
    return link(FunctionDescriptor.of(JAVA_INT, arguments).insertArgumentLayouts(0, JAVA_LONG));
  }

  @SuppressWarnings("restricted") // a test compares every signature with the header's
  private static MethodHandle link(FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(descriptor);
  }

  /** {@return the static C string at an address that a function of the library returned} */
  @SuppressWarnings("restricted") // the header says that it is one
  static String text(MemorySegment address) {
    return address.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
