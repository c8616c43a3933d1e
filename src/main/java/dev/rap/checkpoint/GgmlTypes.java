package dev.rap.checkpoint;

import dev.rap.tensor.DType;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The numbers that GGUF files give to the storage types of tensors. */
final class GgmlTypes {
  static final List<DType> READABLE = List.of(DType.values());

  // Those that cannot be read, so that they are refused by name. Numbers left out were withdrawn.
  private static final Map<Integer, String> OTHERS =
      Map.ofEntries(
          Map.entry(9, "Q8_1"),
          Map.entry(15, "Q8_K"),
          Map.entry(16, "IQ2_XXS"),
          Map.entry(17, "IQ2_XS"),
          Map.entry(18, "IQ3_XXS"),
          Map.entry(19, "IQ1_S"),
          Map.entry(20, "IQ4_NL"),
          Map.entry(21, "IQ3_S"),
          Map.entry(22, "IQ2_S"),
          Map.entry(23, "IQ4_XS"),
          Map.entry(24, "I8"),
          Map.entry(25, "I16"),
          Map.entry(26, "I32"),
          Map.entry(27, "I64"),
          Map.entry(28, "F64"),
          Map.entry(29, "IQ1_M"),
          Map.entry(34, "TQ1_0"),
          Map.entry(35, "TQ2_0"),
          Map.entry(39, "MXFP4"));

  private GgmlTypes() {}

  /** {@return the type of this number, if tensors of it can be read} */
  static Optional<DType> find(int number) {
    for (DType type : READABLE) {
      if (type.ggmlId() == number) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  static String name(int number) {
    Optional<DType> known = find(number);
    return known.isPresent()
        ? known.get().name()
        : OTHERS.getOrDefault(number, "type " + Integer.toUnsignedString(number));
  }
}
