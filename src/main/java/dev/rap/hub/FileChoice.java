package dev.rap.hub;

import dev.rap.InputException;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which files of a repository, or of a folder, make the model that is asked for.
 *
 * @param files in order, relative to the repository
 * @param entry what RAP is to open: a GGUF file, its first part, or empty for the folder itself
 */
record FileChoice(List<String> files, String entry) {
  private static final Pattern SHARD = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})(\\.[a-z]+)");
  private static final Pattern QUANTISATION =
      Pattern.compile("(?i).*?((?:I?Q\\d|TQ\\d|BF16|F16|F32|FP16|MXFP\\d)[A-Z0-9_]*)");

  /** What lies beside safetensors that says how to read them. */
  private static final Set<String> BESIDE =
      Set.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer.model",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          "model.safetensors.index.json");

  /**
   * {@return the files that {@code wanted} means, of those {@code there}}
   *
   * @param where they are, for sentences
   * @param wanted a file, or a quantisation; empty for the only model there is
   * @throws InputException if they hold no such model, or several
   */
  static FileChoice of(String where, Collection<String> there, Optional<String> wanted) {
    Set<String> all = new TreeSet<>(there);
    if (wanted.isPresent()) {
      String word = wanted.get();
      if (!all.contains(word)) {
        return quantised(where, all, word);
      }
      return isWholeModel(word) ? folder(where, all, List.of(word)) : whole(where, all, word);
    }
    List<String> safetensors = all.stream().filter(FileChoice::isWholeModel).toList();
    if (!safetensors.isEmpty()) {
      return folder(where, all, safetensors);
    }
    Set<String> models = models(all);
    return only(where, all, models, "say which after a colon: " + names(models));
  }

  private static boolean isWholeModel(String file) {
    return file.matches("model(-\\d{5}-of-\\d{5})?\\.safetensors");
  }

  private static FileChoice folder(String where, Set<String> all, List<String> safetensors) {
    // A repository may have a model both whole and in shards.
    String first =
        safetensors.contains("model.safetensors") ? "model.safetensors" : safetensors.getFirst();
    List<String> weights = whole(where, all, first).files();
    TreeSet<String> files = new TreeSet<>(weights);
    BESIDE.stream().filter(all::contains).forEach(files::add);
    return new FileChoice(List.copyOf(files), "");
  }

  private static FileChoice quantised(String where, Set<String> all, String wanted) {
    // After an underscore only what a quantisation begins with: Q4_K_M is not meant by M.
    String before = QUANTISATION.matcher(wanted).matches() ? "[-._/]" : "[-./]";
    Pattern named =
        Pattern.compile(
            "(?:.*%s)?%s(?:/.*)?".formatted(before, Pattern.quote(wanted)),
            Pattern.CASE_INSENSITIVE);
    Set<String> models = models(all);
    Set<String> matching =
        models.stream()
            .filter(file -> named.matcher(stem(file)).matches())
            .collect(Collectors.toCollection(TreeSet::new));
    if (matching.isEmpty()) {
      throw new InputException(
          "%s has no file and no quantisation '%s', there is: %s"
              .formatted(where, wanted.replaceAll("\\p{Cc}", "?"), names(models)));
    }
    return only(where, all, matching, "name one of the files: " + String.join(", ", matching));
  }

  private static FileChoice only(String where, Set<String> all, Set<String> models, String remedy) {
    if (models.isEmpty()) {
      throw new InputException(
          "%s has no GGUF file and no safetensors model: use another repository".formatted(where));
    }
    if (models.size() > 1) {
      throw new InputException("%s has several models, %s".formatted(where, remedy));
    }
    return whole(where, all, models.iterator().next());
  }

  /** {@return the GGUF models, of split ones the first part; projectors of images are none} */
  private static Set<String> models(Set<String> all) {
    TreeMap<String, String> first = new TreeMap<>();
    for (String file : all) {
      String name = file.substring(file.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
      if (name.endsWith(".gguf") && !name.startsWith("mmproj") && !name.startsWith("imatrix")) {
        first.putIfAbsent(stem(file), file);
      }
    }
    return new TreeSet<>(first.values());
  }

  // Without what tells one part of it from another, and without its extension.
  private static String stem(String file) {
    Matcher shard = SHARD.matcher(file);
    return shard.matches() ? shard.group(1) : file.replaceFirst("\\.[a-zA-Z]+$", "");
  }

  /** {@return {@code file}, or all the parts of which it is one} */
  private static FileChoice whole(String where, Set<String> all, String file) {
    Matcher shard = SHARD.matcher(file);
    if (!shard.matches()) {
      return new FileChoice(List.of(file), file);
    }
    int count = Integer.parseInt(shard.group(3));
    List<String> files =
        IntStream.rangeClosed(1, count)
            .mapToObj(i -> "%s-%05d-of-%05d%s".formatted(shard.group(1), i, count, shard.group(4)))
            .toList();
    for (String part : files) {
      if (!all.contains(part)) {
        throw new InputException(
            "%s has not all of the model's %d parts, it lacks %s".formatted(where, count, part));
      }
    }
    if (files.isEmpty()) {
      throw new InputException("%s: %s is a part of none".formatted(where, file));
    }
    return new FileChoice(files, files.getFirst());
  }

  private static String names(Set<String> models) {
    return models.stream().map(FileChoice::quantisation).collect(Collectors.joining(", "));
  }

  private static String quantisation(String file) {
    String stem = stem(file);
    return Stream.of(stem, stem.substring(0, Math.max(0, stem.lastIndexOf('/'))))
        .map(QUANTISATION::matcher)
        .filter(Matcher::matches)
        .map(matcher -> matcher.group(1))
        .findFirst()
        .orElse(file);
  }
}
