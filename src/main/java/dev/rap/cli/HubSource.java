package dev.rap.cli;

import dev.rap.hub.Checksum;
import dev.rap.hub.Download;
import dev.rap.hub.HubSettings;
import dev.rap.hub.PartFile;
import dev.rap.hub.RemoteFile;
import java.io.IOException;

/** The model's own address, or the same on a mirror. */
final class HubSource implements ModelSource {
  private final HubSettings settings;

  HubSource(HubSettings settings) {
    this.settings = settings;
  }

  @Override
  public String name() {
    return "hub";
  }

  @Override
  public void fetch(PublishedModel model, PartFile part, Console console) throws IOException {
    RemoteFile file =
        new RemoteFile(
            model.name(),
            settings.mirrored(model.hub()),
            model.bytes(),
            Checksum.sha256(model.sha256()));
    Download.fetch(settings, file, part, new TransferProgress(console));
  }
}
