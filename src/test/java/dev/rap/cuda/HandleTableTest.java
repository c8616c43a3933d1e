package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class HandleTableTest {
  private final HandleTable<String> table = new HandleTable<>("stream");

  @Test
  void objectsAreFoundAmongMany() {
    for (long i = 0; i < 100; i++) {
      table.put(i << 40, "object " + i);
    }
    for (long i = 0; i < 100; i += 2) {
      assertEquals("object " + i, table.remove(i << 40));
    }
    for (long i = 1; i < 100; i += 2) {
      assertEquals("object " + i, table.get(i << 40));
    }
  }

  @Test
  void unknownHandleIsRefused() {
    table.put(16, "object");
    table.remove(16);
    assertEquals(
        "there is no stream 0x10",
        assertThrows(IllegalStateException.class, () -> table.get(16)).getMessage());
    assertThrows(IllegalStateException.class, () -> table.remove(16));
  }
}
