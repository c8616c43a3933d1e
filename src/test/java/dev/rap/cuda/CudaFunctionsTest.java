package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The Java side of the kernels' interface against the header. */
class CudaFunctionsTest {
  // Asked by who loads the library, before anything else of it may be trusted.
  private static final String HANDSHAKE = "rap_cuda_abi_version";

  private final RapCudaHeader header = new RapCudaHeader();

  private static String nameOf(Field field) {
    return "rap_cuda_" + field.getName().toLowerCase(Locale.ROOT);
  }

  private static Set<Field> handles() {
    return Arrays.stream(CudaFunctions.class.getDeclaredFields())
        .filter(f -> f.getType() == MethodHandle.class && Modifier.isStatic(f.getModifiers()))
        .collect(Collectors.toSet());
  }

  @Test
  void everyFunctionOfTheHeaderIsBoundAndNoOther() {
    Set<String> declared = new TreeSet<>(header.functions().keySet());
    assertTrue(declared.remove(HANDSHAKE));
    assertEquals(
        declared,
        handles().stream()
            .map(CudaFunctionsTest::nameOf)
            .collect(Collectors.toCollection(TreeSet::new)));
  }

  @Test
  void everyHandleHasTheHeadersSignature() throws IllegalAccessException {
    for (Field field : handles()) {
      var declared = header.functions().get(nameOf(field));
      var type = ((MethodHandle) field.get(null)).type();
      assertEquals(MemorySegment.class, type.parameterType(0), field.getName());
      assertEquals(
          declared.parameters(), type.dropParameterTypes(0, 1).parameterList(), field.getName());
      assertEquals(
          declared.returned(),
          type.returnType() == MemorySegment.class ? long.class : type.returnType(),
          field.getName());
    }
  }

  @Test
  void constantsAreTheHeaders() {
    assertEquals(header.constant("RAP_CUDA_FEW_TOKENS"), CudaKernels.FEW_TOKENS);
    assertEquals(header.constant("RAP_CUDA_TILE_TOKENS"), CudaKernels.TILE_TOKENS);
    for (Element element : Element.values()) {
      assertEquals(header.enumerator("RAP_CUDA_" + element), NativeCudaKernels.number(element));
    }
    for (DType type : DType.values()) {
      DType given = HostRows.handedOut(type);
      assertEquals(header.enumerator("RAP_CUDA_STORED_" + given), given.ggmlId());
    }
  }
}
