package dev.rap.cuda;

/** What device memory is used for. */
public enum MemoryOwner {
  WEIGHTS("weights"),
  KV("KV"),
  WORKSPACE("workspace"),
  /** Nothing at present: pages that lie ready. */
  SPARE("pages that lie ready");

  private final String text;

  MemoryOwner(String text) {
    this.text = text;
  }

  /** {@return the word in sentences} */
  String text() {
    return text;
  }
}
