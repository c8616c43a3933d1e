package dev.rap.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Steps that make characters of the bytes that tokens stand for. */
final class ByteTexts {
  private ByteTexts() {}

  /** Every text is bytes. */
  static final class OfAlphabet implements Texts {
    private final Texts next;
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StringBuilder whole = new StringBuilder();

    OfAlphabet(Texts next) {
      this.next = next;
    }

    @Override
    public void text(String text, boolean added) {
      decoder.accept(
          added ? text.getBytes(StandardCharsets.UTF_8) : ByteAlphabet.bytes(text), whole);
      handOn();
    }

    @Override
    public void end() {
      decoder.flush(whole);
      handOn();
      next.end();
    }

    private void handOn() {
      if (!whole.isEmpty()) {
        next.text(whole.toString(), false);
        whole.setLength(0);
      }
    }
  }

  /** Byte tokens are bytes; a character goes out when it is whole. */
  static final class Eager implements Texts {
    private final Texts next;
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StringBuilder whole = new StringBuilder();

    Eager(Texts next) {
      this.next = next;
    }

    @Override
    public void text(String text, boolean added) {
      if (ByteToken.is(text)) {
        decoder.accept(new byte[] {(byte) ByteToken.value(text)}, whole);
        handOn();
      } else {
        flush();
        next.text(text, added);
      }
    }

    @Override
    public void end() {
      flush();
      next.end();
    }

    private void flush() {
      decoder.flush(whole);
      handOn();
    }

    private void handOn() {
      if (!whole.isEmpty()) {
        next.text(whole.toString(), false);
        whole.setLength(0);
      }
    }
  }

  /** Byte tokens are bytes; of several in a row that are not UTF-8, each becomes U+FFFD. */
  static final class Patient implements Texts {
    private final Texts next;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Patient(Texts next) {
      this.next = next;
    }

    @Override
    public void text(String text, boolean added) {
      if (ByteToken.is(text)) {
        bytes.write(ByteToken.value(text));
      } else {
        flush();
        next.text(text, added);
      }
    }

    @Override
    public void end() {
      flush();
      next.end();
    }

    private void flush() {
      if (bytes.size() > 0) {
        next.text(decoded(), false);
        bytes.reset();
      }
    }

    private String decoded() {
      try {
        return StandardCharsets.UTF_8
            .newDecoder()
            .decode(ByteBuffer.wrap(bytes.toByteArray()))
            .toString();
      } catch (CharacterCodingException e) {
        return "\uFFFD".repeat(bytes.size());
      }
    }
  }
}
