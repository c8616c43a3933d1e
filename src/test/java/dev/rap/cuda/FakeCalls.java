package dev.rap.cuda;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The calls to a {@link FakeDriver}: who may make them, how many there were, which ones fail. */
final class FakeCalls {
  private final Map<String, int[]> counts = new HashMap<>(); // one number each
  private final Map<String, RuntimeException> failures = new HashMap<>();
  private final Set<Thread> attached = ConcurrentHashMap.newKeySet();
  private boolean closed;
  private volatile String contextLost;

  void attach() {
    attached.add(Thread.currentThread());
    enter("attach");
  }

  /** Begins a call of the method of this name. */
  void enter(String method) {
    if (closed || !attached.contains(Thread.currentThread())) {
      throw new AssertionError(method + " without a context");
    }
    int nth = ++counts.computeIfAbsent(method, name -> new int[1])[0];
    if (contextLost != null) {
      throw new CudaException(contextLost, true);
    }
    if (!failures.isEmpty() && failures.containsKey(method + nth)) {
      throw failures.remove(method + nth);
    }
  }

  int count(String method) {
    return counts.containsKey(method) ? counts.get(method)[0] : 0;
  }

  void fail(String method, int nth, RuntimeException failure) {
    failures.put(method + (count(method) + nth), failure);
  }

  void forgive() {
    failures.clear();
  }

  void loseContext() {
    contextLost =
        CudaStatus.failure("waiting for a stream", CudaStatus.ILLEGAL_ADDRESS, "an illegal address")
            .getMessage();
  }

  boolean contextLost() {
    return contextLost != null;
  }

  void close() {
    closed = true;
  }

  boolean closed() {
    return closed;
  }
}
