package dev.rap.hub;

import dev.rap.InputException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on the hub as a user names it: {@code owner/name}, {@code owner/name:Q4_K_M}, {@code
 * owner/name@revision:folder/file.gguf}.
 *
 * @param revision a branch, tag or commit
 * @param choice a file or a quantisation; empty for the only one there is
 */
public record HubModel(String owner, String name, String revision, Optional<String> choice) {
  private static final String DEFAULT_REVISION = "main";
  private static final String WORD = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";
  private static final Pattern FORM =
      Pattern.compile(
          "(%s)/(%s)(?:@([A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?(?::(.+))?".formatted(WORD, WORD));

  /** {@return the model that {@code word} names; empty if it has another form} */
  public static Optional<HubModel> find(String word) {
    Matcher matcher = FORM.matcher(word);
    if (!matcher.matches() || word.contains("..") || word.codePoints().anyMatch(c -> c < ' ')) {
      return Optional.empty();
    }
    return Optional.of(
        new HubModel(
            matcher.group(1),
            matcher.group(2),
            Optional.ofNullable(matcher.group(3)).orElse(DEFAULT_REVISION),
            Optional.ofNullable(matcher.group(4))));
  }

  /**
   * {@return this model at another revision}
   *
   * @throws InputException if that is no name of a revision
   */
  public HubModel at(String otherRevision) {
    return find("%s@%s".formatted(repository(), otherRevision))
        .map(model -> new HubModel(owner, name, model.revision(), choice))
        .orElseThrow(
            () ->
                new InputException(
                    "'%s' is no revision, expected a branch, a tag or a commit"
                        .formatted(otherRevision.replaceAll("\\p{Cc}", "?"))));
  }

  /** {@return owner/name} */
  public String repository() {
    return owner + "/" + name;
  }

  /** {@return the name of the folder that holds the model's files, free of slashes} */
  public String folderName() {
    String base = owner + "--" + name;
    return revision.equals(DEFAULT_REVISION) ? base : base + "@" + revision.replace("/", "--");
  }

  /** {@return the name as it can be typed again} */
  @Override
  public String toString() {
    return repository()
        + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision)
        + choice.map(word -> ":" + word).orElse("");
  }
}
