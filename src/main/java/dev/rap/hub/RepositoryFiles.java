package dev.rap.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rap.InputException;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a repository holds at a revision.
 *
 * @see <a href="https://huggingface.co/docs/hub/api">The hub's API</a>
 */
final class RepositoryFiles {
  private static final int MOST_BYTES = 1 << 25;
  private static final int MOST_PATH = 500;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private RepositoryFiles() {}

  /**
   * {@return the files of {@code model}'s repository}
   *
   * @throws InputException if the hub does not give them
   */
  static List<RemoteFile> list(HubClient client, HubModel model) {
    HubSettings settings = client.settings();
    URI address =
        URI.create(
            "%s/api/models/%s/revision/%s?blobs=true"
                .formatted(
                    settings.endpoint(), model.repository(), Address.encoded(model.revision())));
    String what = "model %s at revision %s".formatted(model.repository(), model.revision());
    byte[] json = Retries.of(settings.limits(), () -> fetch(client, address, what));
    JsonNode root = parse(address, json);
    // The commit, so that all files are of one state of the repository.
    String commit = root.path("sha").asText();
    String revision = commit.matches("[0-9a-f]{40}") ? commit : model.revision();
    String base =
        "%s/%s/resolve/%s/"
            .formatted(settings.endpoint(), model.repository(), Address.encoded(revision));
    List<RemoteFile> files = new ArrayList<>();
    for (JsonNode sibling : root.path("siblings")) {
      file(sibling, base).ifPresent(files::add);
    }
    return files;
  }

  private static byte[] fetch(HubClient client, URI address, String what)
      throws TransientException {
    try (HubClient.Answer answer = client.get(address, what, Map.of())) {
      byte[] bytes = answer.body().readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw new InputException(
            "%s lists more than %d bytes of files for %s"
                .formatted(address.getHost(), MOST_BYTES, what));
      }
      return bytes;
    } catch (IOException e) {
      throw new TransientException(
          "the connection to %s broke".formatted(address.getHost()), Optional.empty(), e);
    }
  }

  private static JsonNode parse(URI address, byte[] json) {
    try {
      JsonNode root = MAPPER.readTree(json);
      if (root != null && root.path("siblings").isArray()) {
        return root;
      }
    } catch (JacksonException e) {
      // The sentence below says it.
    } catch (IOException e) {
      throw new AssertionError("reading an array fails by JacksonException only", e);
    }
    throw new InputException(
        "%s did not answer with a list of files: is it the hub, or a mirror of it?"
            .formatted(address.getHost()));
  }

  // Names that could leave the folder are as if they were not there.
  private static Optional<RemoteFile> file(JsonNode sibling, String base) {
    String path = sibling.path("rfilename").asText();
    JsonNode large = sibling.path("lfs");
    JsonNode size =
        large.path("size").isIntegralNumber() ? large.path("size") : sibling.path("size");
    if (!isSafe(path) || !size.canConvertToLong() || size.longValue() < 0) {
      return Optional.empty();
    }
    Optional<Checksum> checksum =
        large.isObject()
            ? Checksum.sha256(large.path("sha256").asText())
            : Checksum.gitBlob(sibling.path("blobId").asText());
    URI address = URI.create(base + Address.encodedPath(path));
    return Optional.of(new RemoteFile(path, address, size.longValue(), checksum));
  }

  private static boolean isSafe(String path) {
    if (path.isEmpty() || path.length() > MOST_PATH || path.indexOf('\\') >= 0) {
      return false;
    }
    for (String segment : path.split("/", -1)) {
      if (segment.isBlank() || segment.startsWith(".")) {
        return false;
      }
    }
    return path.codePoints().noneMatch(Character::isISOControl) && !PartFile.isOwn(path);
  }
}
