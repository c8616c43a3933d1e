package dev.rap.hub;

/** Listens to nothing. */
final class Silent implements TransferListener {
  @Override
  public void begins(String file, long bytes, long total) {}

  @Override
  public void at(long bytes) {}

  @Override
  public void ends() {}
}
