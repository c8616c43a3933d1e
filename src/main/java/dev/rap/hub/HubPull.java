package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Brings a model of the hub into the folder of models. */
public final class HubPull {
  private final HubSettings settings;
  private final Path models;
  private final TransferListener listener;

  public HubPull(HubSettings settings, Path models, TransferListener listener) {
    this.settings = settings;
    this.models = models;
    this.listener = listener;
  }

  /**
   * A model that is on this machine now.
   *
   * @param path its GGUF file, the first of them, or its folder
   * @param files that it consists of
   * @param bytes of them all
   * @param fetched how many of them came now
   * @param unchecked those of which no checksum is known
   */
  public record Pulled(
      Path path, List<RemoteFile> files, long bytes, int fetched, List<String> unchecked) {}

  /**
   * Fetches the files of {@code model} that are not here already.
   *
   * @param given the SHA-256 that its one file must have, whatever the hub says
   * @throws InputException if the hub does not give them
   * @throws IOException if this machine cannot take them
   */
  public Pulled pull(HubModel model, Optional<Checksum> given) throws IOException {
    if (settings.offline()) {
      return offline(model);
    }
    try (HubClient client = new HubClient(settings)) {
      Map<String, RemoteFile> there =
          RepositoryFiles.list(client, model).stream()
              .collect(Collectors.toMap(RemoteFile::name, Function.identity(), (a, b) -> a));
      FileChoice choice = FileChoice.of(model.repository(), there.keySet(), model.choice());
      List<RemoteFile> files = choice.files().stream().map(there::get).toList();
      return fetch(client, model, choice, given.isPresent() ? withGiven(files, given) : files);
    }
  }

  private static List<RemoteFile> withGiven(List<RemoteFile> files, Optional<Checksum> given) {
    if (files.size() != 1) {
      throw new InputException(
          "a SHA-256 is given, but the model has %d files: leave it out".formatted(files.size()));
    }
    RemoteFile file = files.getFirst();
    return List.of(new RemoteFile(file.name(), file.address(), file.bytes(), given));
  }

  private Pulled offline(HubModel model) {
    return LocalFiles.find(models, model)
        .map(path -> new Pulled(path, List.of(), 0, 0, List.of()))
        .orElseThrow(
            () ->
                new InputException(
                    "%s is not on this machine, and --offline or HF_HUB_OFFLINE keeps it from being fetched"
                        .formatted(model)));
  }

  private Pulled fetch(HubClient client, HubModel model, FileChoice choice, List<RemoteFile> files)
      throws IOException {
    Path folder = models.resolve(model.folderName());
    List<RemoteFile> missing = new ArrayList<>();
    for (RemoteFile file : files) {
      if (!isThere(folder.resolve(file.name()), file)) {
        missing.add(file);
      }
    }
    requireSpace(model, folder, missing);
    for (RemoteFile file : missing) {
      fetch(client, file, folder.resolve(file.name()));
    }
    return new Pulled(
        folder.resolve(choice.entry()),
        files,
        files.stream().mapToLong(RemoteFile::bytes).sum(),
        missing.size(),
        files.stream().filter(file -> file.checksum().isEmpty()).map(RemoteFile::name).toList());
  }

  private static boolean isThere(Path path, RemoteFile file) throws IOException {
    if (!Files.isRegularFile(path) || Files.size(path) != file.bytes()) {
      return false;
    }
    return file.checksum().isEmpty()
        || file.checksum().get().of(path).equals(file.checksum().get());
  }

  private void fetch(HubClient client, RemoteFile file, Path target) throws IOException {
    try (PartFile part = PartFile.open(target)) {
      Download.fetch(client, file, part, listener);
    } catch (InputException e) {
      throw new InputException("%s: %s".formatted(file.name(), e.getMessage()), e);
    }
  }

  private void requireSpace(HubModel model, Path folder, List<RemoteFile> missing)
      throws IOException {
    if (missing.isEmpty()) {
      return;
    }
    Path existing = folder.toAbsolutePath();
    while (Files.notExists(existing)) {
      existing = existing.getParent();
    }
    long bytes = 0;
    for (RemoteFile file : missing) {
      // Chunks come in order, so that what is there has next to no holes.
      Path part = folder.resolve(file.name() + ".part");
      long here = Files.exists(part) ? Files.size(part) : 0;
      bytes = saturatedSum(bytes, Math.max(0, file.bytes() - here));
    }
    DiskSpace.require(model.toString(), existing, bytes);
  }

  private static long saturatedSum(long a, long b) {
    return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
  }
}
