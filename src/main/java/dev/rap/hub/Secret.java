package dev.rap.hub;

/** Text that must not be shown. */
final class Secret {
  private final String text;

  Secret(String text) {
    this.text = text;
  }

  String reveal() {
    return text;
  }

  @Override
  public String toString() {
    return "***";
  }
}
