package dev.rap.checkpoint;

import dev.rap.InputException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The files of a model, which may be split: parts are numbered in their names, NAME-00001-of-00003
 * .gguf, and in their metadata, of which only the first part has more.
 */
final class GgufParts {
  private static final Pattern NAME = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf");
  private static final String NUMBER_KEY = "split.no";
  private static final String COUNT_KEY = "split.count";
  private static final String TENSORS_KEY = "split.tensors.count";
  private static final int MOST_NAMED = 5; // of the files that are missing

  private final Path named;
  private final int count;
  private final Map<String, StoredTensor> tensors = new HashMap<>();

  private GgufParts(Path named, int count) {
    this.named = named;
    this.count = count;
  }

  /**
   * {@return the header of the model of which {@code file} is the only part, or any: that of the
   * first part, with the tensors of all}
   */
  static GgufHeader read(Path file, Arena arena) {
    GgufHeader header = GgufHeader.read(file, MappedFile.map(file, arena));
    long count = integer(header, COUNT_KEY).orElse(1);
    if (count < 2) {
      return header;
    }
    Matcher name = NAME.matcher(String.valueOf(file.getFileName()));
    long number = integer(header, NUMBER_KEY).orElse(-1) + 1;
    if (!name.matches()
        || Long.parseLong(name.group(2)) != number
        || Long.parseLong(name.group(3)) != count) {
      throw new InputException(
          "%s: is part %d of %d by its metadata, expected a name that ends in -%05d-of-%05d.gguf: give the parts back their names"
              .formatted(file, number, count, number, count));
    }
    return new GgufParts(file, (int) count).all(name.group(1), arena);
  }

  private GgufHeader all(String stem, Arena arena) {
    List<Path> files =
        IntStream.rangeClosed(1, count)
            .mapToObj("%s-%%05d-of-%05d.gguf".formatted(stem.replace("%", "%%"), count)::formatted)
            .map(named::resolveSibling)
            .toList();
    requireAll(files);
    GgufHeader first = part(files.getFirst(), 0, arena);
    for (int i = 1; i < count; i++) {
      part(files.get(i), i, arena);
    }
    long stated = integer(first, TENSORS_KEY).orElse(tensors.size());
    if (stated != tensors.size()) {
      throw new InputException(
          "%s: states %d tensors, but its %d parts have %d: they are of several models, or one is damaged, fetch them again"
              .formatted(first.file(), stated, count, tensors.size()));
    }
    return new GgufHeader(first.file(), first.metadata(), tensors, first.bytes());
  }

  private void requireAll(List<Path> files) {
    List<Path> missing = files.stream().filter(Files::notExists).map(Path::getFileName).toList();
    if (!missing.isEmpty()) {
      String more =
          missing.size() > MOST_NAMED ? " and %d more".formatted(missing.size() - MOST_NAMED) : "";
      throw new InputException(
          "%s: is one of %d parts, beside which %s%s must lie, but there is no such file: fetch all parts into one folder"
              .formatted(
                  named, count, missing.subList(0, Math.min(missing.size(), MOST_NAMED)), more));
    }
  }

  private GgufHeader part(Path file, int number, Arena arena) {
    GgufHeader header = GgufHeader.read(file, MappedFile.map(file, arena));
    long foundNumber = integer(header, NUMBER_KEY).orElse(-1);
    long foundCount = integer(header, COUNT_KEY).orElse(1);
    if (foundNumber != number || foundCount != count) {
      throw new InputException(
          "%s: is part %d of %d by its metadata, expected part %d of %d: it is of another model or was renamed, fetch it again"
              .formatted(file, foundNumber + 1, foundCount, number + 1, count));
    }
    header.tensors().forEach((name, tensor) -> add(file, name, tensor));
    return header;
  }

  private void add(Path file, String name, StoredTensor tensor) {
    StoredTensor other = tensors.put(name, tensor);
    if (other != null) {
      throw new InputException(
          "%s: has tensor %s, and so has %s: they are of several models, fetch them again"
              .formatted(file, name, other.file().getFileName()));
    }
  }

  private static OptionalLong integer(GgufHeader header, String key) {
    return Optional.ofNullable(header.metadata().get(key)).stream()
        .mapToLong(GgufValue::integer)
        .findFirst();
  }
}
