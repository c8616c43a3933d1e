package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A driver, real or not, whose pages are counted by a book of its own, and in which the making and
 * mapping of pages fails where a test says so. A page with two owners, one that is given back while
 * it is mapped, and an address with two pages are an {@link AssertionError}.
 */
final class WatchedDriver implements InvocationHandler {
  private final CudaDriver driver;
  private final int granules;
  private final TreeMap<Long, Range> ranges = new TreeMap<>();
  private final List<Long> reserved = new ArrayList<>();
  private final Map<Long, Boolean> pages = new HashMap<>(); // whether they are mapped
  private final Map<String, Integer> failing = new HashMap<>(); // calls until one fails
  private long pageBytes;
  private int failures;

  private record Range(long address, BitSet mapped, Map<Integer, Long> pageAt) {}

  /**
   * @param granules of the driver, that pass for one
   */
  WatchedDriver(CudaDriver driver, int granules) {
    this.driver = driver;
    this.granules = granules;
  }

  CudaDriver proxy() {
    return (CudaDriver)
        Proxy.newProxyInstance(
            CudaDriver.class.getClassLoader(), new Class<?>[] {CudaDriver.class}, this);
  }

  /**
   * Makes a call fail.
   *
   * @param nth 1 for the next
   */
  void fail(String method, int nth) {
    failing.put(method, nth);
  }

  void forgive() {
    failing.clear();
  }

  /** {@return calls that failed as they were told to} */
  int failures() {
    return failures;
  }

  /** {@return pages that there are} */
  int pages() {
    return pages.size();
  }

  /** {@return pages that are mapped, from all addresses on that were reserved} */
  int mappedPages() {
    return ranges.values().stream().mapToInt(range -> range.mapped().cardinality()).sum();
  }

  /** {@return pages that are mapped at the addresses that were reserved with this one} */
  int mappedPages(long address) {
    return ranges.get(address).mapped().cardinality();
  }

  /** {@return the first of all addresses that were reserved, in this order} */
  List<Long> addresses() {
    return List.copyOf(reserved);
  }

  /** Checks that {@code bytes} bytes are mapped from a reserved address on. */
  void requireMapped(long address, long bytes) {
    Range range = ranges.get(address);
    assertNotNull(range, "not reserved");
    long needed = pageBytes == 0 ? 0 : Math.ceilDiv(bytes, pageBytes);
    assertTrue(range.mapped().nextClearBit(0) >= needed, "a live page is not mapped");
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    String name = method.getName();
    if (failing.containsKey(name) && failing.merge(name, -1, Integer::sum) == 0) {
      failing.remove(name);
      failures++;
      throw name.equals("newPage")
          ? new DeviceOutOfMemoryException("others were faster")
          : new CudaException("the driver refuses");
    }
    Object result;
    try {
      result = method.invoke(driver, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    return switch (name) {
      case "pageGranularity" -> granules * (long) result;
      case "newPage" -> {
        pageBytes = (long) arguments[0];
        assertEquals(null, pages.put((long) result, false), "a page that there is was made");
        yield result;
      }
      case "closePage" -> {
        assertEquals(false, pages.remove((long) arguments[0]), "not a page that lies ready");
        yield result;
      }
      case "reserve" -> {
        reserved.add((long) result);
        ranges.put((long) result, new Range((long) result, new BitSet(), new HashMap<>()));
        yield result;
      }
      case "unreserve" -> {
        reserved.remove(arguments[0]);
        assertTrue(ranges.remove((long) arguments[0]).mapped().isEmpty(), "pages are lost");
        yield result;
      }
      case "map" -> {
        map((long) arguments[0], (long[]) arguments[1], (int) arguments[2], (int) arguments[3]);
        yield result;
      }
      case "unmap" -> {
        unmap((long) arguments[0], (long) arguments[1]);
        yield result;
      }
      default -> result;
    };
  }

  private void map(long address, long[] mapped, int first, int count) {
    Range range = ranges.floorEntry(address).getValue();
    int at = Math.toIntExact((address - range.address()) / pageBytes);
    for (int i = 0; i < count; i++) {
      long page = mapped[first + i];
      assertEquals(false, pages.put(page, true), "a page has two owners, or is none");
      assertFalse(range.mapped().get(at + i), "an address has two pages");
      range.mapped().set(at + i);
      range.pageAt().put(at + i, page);
    }
  }

  private void unmap(long address, long bytes) {
    Range range = ranges.floorEntry(address).getValue();
    int at = Math.toIntExact((address - range.address()) / pageBytes);
    for (int i = at; i < at + bytes / pageBytes; i++) {
      assertTrue(range.mapped().get(i), "there is no page to unmap");
      range.mapped().clear(i);
      pages.put(range.pageAt().remove(i), false);
    }
  }
}
