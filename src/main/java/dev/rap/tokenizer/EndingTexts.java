package dev.rap.tokenizer;

/** A step that holds nothing back. */
abstract class EndingTexts implements Texts {
  private final Texts next;

  EndingTexts(Texts next) {
    this.next = next;
  }

  @Override
  public final void end() {
    next.end();
  }
}
