package dev.rap.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * What JCuda lacks of the driver, {@code libcuda.so.1}: copies by address, for which JCuda would
 * need two new objects each, the nodes of a graph, where JCuda writes past the memory that it has
 * for them, and the identity of a MIG instance. All return a {@link CudaStatus}.
 */
final class LibCuda {
  private static final String NAME = "libcuda.so.1";
  private static final int UUID_BYTES = 16;

  private LibCuda() {}

  /** {@return whether the driver's library is here} */
  static boolean isPresent() {
    try {
      open();
      return true;
    } catch (IllegalArgumentException e) {
      return false; // that is how a library that is not found is told
    }
  }

  static int upload(long to, MemorySegment from, long bytes, long stream) {
    try {
      return (int) Functions.UPLOAD.invokeExact(to, from, bytes, stream);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  static int download(MemorySegment to, long from, long bytes, long stream) {
    try {
      return (int) Functions.DOWNLOAD.invokeExact(to, from, bytes, stream);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  static int copy(long to, long from, long bytes, long stream) {
    try {
      return (int) Functions.COPY.invokeExact(to, from, bytes, stream);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  static int fill(long to, byte value, long bytes, long stream) {
    try {
      return (int) Functions.FILL.invokeExact(to, value, bytes, stream);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /**
   * @param nodes filled with as many of the graph's nodes as it holds; may be NULL
   * @param count int64: how many {@code nodes} holds, then how many there are
   */
  static int graphNodes(long graph, MemorySegment nodes, MemorySegment count) {
    try {
      return (int) Functions.GRAPH_NODES.invokeExact(graph, nodes, count);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /**
   * @param type int32, filled with a CUgraphNodeType
   */
  static int nodeType(long node, MemorySegment type) {
    try {
      return (int) Functions.NODE_TYPE.invokeExact(node, type);
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  /**
   * @param uuid 16 bytes, filled with those of the MIG instance where the device is one
   */
  static int uuid(byte[] uuid, int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(UUID_BYTES);
      int status = (int) Functions.UUID.invokeExact(bytes, device);
      MemorySegment.copy(bytes, JAVA_BYTE, 0, uuid, 0, UUID_BYTES);
      return status;
    } catch (Throwable t) {
      throw Downcall.unexpected(t);
    }
  }

  @SuppressWarnings("restricted") // the driver's own library, from where the system looks for it
  private static SymbolLookup open() {
    return SymbolLookup.libraryLookup(NAME, Arena.global());
  }

  /** {@return a function of the driver, which returns a {@code CUresult}} */
  @SuppressWarnings("restricted") // signatures of cuda.h
  static MethodHandle link(String name, MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(open().findOrThrow(name), FunctionDescriptor.of(JAVA_INT, parameters));
  }

  /** The functions, linked when first needed. Their names are those behind cuda.h's macros. */
  private static final class Functions {
    static final MethodHandle UPLOAD =
        link("cuMemcpyHtoDAsync_v2", JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
    static final MethodHandle DOWNLOAD =
        link("cuMemcpyDtoHAsync_v2", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle COPY =
        link("cuMemcpyDtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle FILL =
        link("cuMemsetD8Async", JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
    static final MethodHandle GRAPH_NODES = link("cuGraphGetNodes", JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle NODE_TYPE = link("cuGraphNodeGetType", JAVA_LONG, ADDRESS);
    static final MethodHandle UUID = link("cuDeviceGetUuid_v2", ADDRESS, JAVA_INT);
  }
}
