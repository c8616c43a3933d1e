package dev.rap.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A library with the functions of {@code kernels/rap_cuda.h}, which record what they are called
 * with: native calls without a GPU.
 */
final class RecordingLibrary implements SymbolLookup {
  private final Arena arena;
  private final MemorySegment text;
  private final Map<String, RapCudaHeader.Signature> functions = new RapCudaHeader().functions();
  private String called = "nothing";
  private List<Object> arguments = List.of();

  /** What the functions return. */
  int status;

  /** {@code text} is what those that return a string return. */
  RecordingLibrary(Arena arena, String text) {
    this.arena = arena;
    this.text = arena.allocateFrom(text);
  }

  /** {@return the last call, as "name 1 2 3"} */
  String lastCall() {
    StringBuilder call = new StringBuilder(called);
    arguments.forEach(argument -> call.append(' ').append(argument));
    return call.toString();
  }

  @Override
  public Optional<MemorySegment> find(String name) {
    return Optional.ofNullable(functions.get(name)).map(signature -> stub(name, signature));
  }

  @SuppressWarnings("restricted") // stubs of this class's own methods
  private MemorySegment stub(String name, RapCudaHeader.Signature signature) {
    MethodType type = MethodType.methodType(signature.returned(), signature.parameters());
    MethodHandle target =
        MethodHandles.insertArguments(recorder(), 0, this, name)
            .asCollector(Object[].class, type.parameterCount())
            .asType(type);
    MemoryLayout[] layouts =
        signature.parameters().stream().map(RecordingLibrary::layout).toArray(MemoryLayout[]::new);
    return Linker.nativeLinker()
        .upcallStub(target, FunctionDescriptor.of(layout(signature.returned()), layouts), arena);
  }

  private static MemoryLayout layout(Class<?> type) {
    if (type == long.class) {
      return ValueLayout.JAVA_LONG;
    }
    return type == int.class ? ValueLayout.JAVA_INT : ValueLayout.JAVA_FLOAT;
  }

  private static MethodHandle recorder() {
    try {
      return MethodHandles.lookup()
          .findVirtual(
              RecordingLibrary.class,
              "record",
              MethodType.methodType(Object.class, String.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("RecordingLibrary.record", e);
    }
  }

  // Called by the stubs.
  Object record(String name, Object... values) {
    boolean isText = name.endsWith("_text") || name.endsWith("_info");
    if (!isText) {
      called = name;
      arguments = Arrays.asList(values);
    }
    if (functions.get(name).returned() == int.class) {
      return status;
    }
    return isText ? text.address() : (long) status;
  }
}
