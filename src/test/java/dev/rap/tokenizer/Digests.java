package dev.rap.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Holds records against one part of a golden file; scripts/golden-tokens.py says what is hashed.
 */
final class Digests {
  private final String name;
  private final JsonNode golden;
  private final int chunkRecords;
  private final MessageDigest whole = sha256();
  private final MessageDigest chunk = sha256(); // digest() begins it anew
  private int records;
  private long count;

  /**
   * @param records that will be added
   */
  Digests(String name, JsonNode golden, int records) {
    this.name = name;
    this.golden = golden;
    this.chunkRecords = records / golden.get("chunks").size();
  }

  void add(int[] ids) {
    count += ids.length;
    add(int32s(ids), ids.length);
  }

  void add(byte[] utf8) {
    count += utf8.length;
    add(utf8, utf8.length);
  }

  private void add(byte[] bytes, int length) {
    byte[] header = int32s(length);
    for (MessageDigest digest : new MessageDigest[] {whole, chunk}) {
      digest.update(header);
      digest.update(bytes);
    }
    records++;
    if (records % chunkRecords == 0) {
      int index = records / chunkRecords - 1;
      assertEquals(
          golden.get("chunks").get(index).textValue(),
          HexFormat.of().formatHex(chunk.digest()),
          "%s: records %d to %d".formatted(name, index * chunkRecords, records - 1));
    }
  }

  void assertEqual() {
    assertEquals(golden.get("count").longValue(), count, name);
    assertEquals(golden.get("sha256").textValue(), HexFormat.of().formatHex(whole.digest()), name);
  }

  static byte[] int32s(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(values);
    return bytes.array();
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has it", e);
    }
  }
}
