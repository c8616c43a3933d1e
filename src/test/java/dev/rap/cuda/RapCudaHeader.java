package dev.rap.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What {@code kernels/rap_cuda.h} declares. */
final class RapCudaHeader {
  private static final Pattern FUNCTION =
      Pattern.compile("^([\\w *]+?)(rap_cuda_\\w+)\\(([^)]*)\\);", Pattern.MULTILINE);

  private final String text = withoutComments();

  /** Types of one function, as Java has them: device addresses and streams are long. */
  record Signature(Class<?> returned, List<Class<?>> parameters) {}

  private static String withoutComments() {
    try {
      return Files.readString(Path.of("kernels", "rap_cuda.h")).replaceAll("//.*", "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return all functions by name, in order} */
  Map<String, Signature> functions() {
    Map<String, Signature> functions = new LinkedHashMap<>();
    for (MatchResult match : FUNCTION.matcher(text).results().toList()) {
      functions.put(match.group(2), new Signature(type(match.group(1)), types(match.group(3))));
    }
    return functions;
  }

  private static List<Class<?>> types(String parameters) {
    if (parameters.equals("void")) {
      return List.of();
    }
    return Pattern.compile(",").splitAsStream(parameters).<Class<?>>map(p -> type(p)).toList();
  }

  private static Class<?> type(String declaration) {
    String type = declaration.strip();
    if (type.contains("*") || type.startsWith("int64_t")) {
      return long.class;
    }
    if (type.matches("int\\b.*")) {
      return int.class;
    }
    if (type.matches("float\\b.*")) {
      return float.class;
    }
    throw new AssertionError("the header has an unknown type: " + declaration);
  }

  /** {@return the value of {@code #define name}} */
  int constant(String name) {
    MatchResult match =
        Pattern.compile("#define " + name + " (\\d+)")
            .matcher(text)
            .results()
            .findFirst()
            .orElseThrow();
    return Integer.parseInt(match.group(1));
  }

  /** {@return the value of a name of an enum} */
  int enumerator(String name) {
    MatchResult match =
        Pattern.compile("\\b" + name + " = (-?\\d+)")
            .matcher(text)
            .results()
            .findFirst()
            .orElseThrow();
    return Integer.parseInt(match.group(1));
  }
}
