package dev.rap.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/**
 * A ring whose copiers fill pinned memory while a device of its own pace reads it, more often than
 * there are slots: nothing is read before it is there, and nothing is overwritten before it is
 * read.
 */
@JCStressTest
@Outcome(id = "whole", expect = Expect.ACCEPTABLE, desc = "every piece arrives as it was")
@Outcome(id = "torn", expect = Expect.FORBIDDEN, desc = "one had bytes of another, or none yet")
@State
public class StagingRingStress {
  private static final long COPIER_BYTES = 65_536; // for less the ring asks no copier
  private static final long BYTES = COPIER_BYTES * Runtime.getRuntime().availableProcessors();
  private static final List<MemorySegment> PIECES =
      IntStream.rangeClosed(1, 10)
          .mapToObj(i -> Arena.global().allocate(BYTES).fill((byte) i))
          .toList();

  private final QueueingDriver queueing = new QueueingDriver();
  private volatile boolean isTorn;

  @Actor
  public void host() {
    try (CudaDevice device = CudaDevice.open(queueing.driver());
        CudaStream stream = device.newStream();
        StagingRing ring = new StagingRing(device, stream, BYTES)) {
      for (MemorySegment piece : PIECES) {
        ring.pass(piece, staged -> checkLater(staged.address(), piece));
      }
      stream.synchronize();
    } finally {
      queueing.end();
    }
  }

  private void checkLater(long address, MemorySegment piece) {
    queueing.queue(
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = arena.allocate(BYTES);
            queueing.read(found, address);
            isTorn |= found.mismatch(piece) >= 0;
          }
        });
  }

  @Actor
  public void device(L_Result result) {
    queueing.work();
    result.r1 = isTorn ? "torn" : "whole";
  }

  /** A driver whose uploads wait for the thread that calls {@link #work}. */
  private static final class QueueingDriver implements InvocationHandler {
    private final FakeDriver fake = new FakeDriver();
    private final Queue<Runnable> queue = new ConcurrentLinkedQueue<>();
    private final Map<Object, Long> recorded = new HashMap<>(); // pieces queued before an event
    private long queued;
    private volatile long done;
    private volatile boolean hasEnded;

    CudaDriver driver() {
      Class<?>[] types = {CudaDriver.class};
      return (CudaDriver) Proxy.newProxyInstance(CudaDriver.class.getClassLoader(), types, this);
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      switch (method.getName()) {
        case "upload" -> queue(() -> call(method, arguments));
        case "record" -> recorded.put(arguments[0], queued);
        case "await" -> waitFor(recorded.getOrDefault(arguments[0], 0L));
        case "synchronize" -> waitFor(queued);
        default -> {
          return call(method, arguments);
        }
      }
      return null;
    }

    private Object call(Method method, Object[] arguments) {
      try {
        return method.invoke(fake, arguments);
      } catch (IllegalAccessException | InvocationTargetException e) {
        throw new AssertionError(e);
      }
    }

    void queue(Runnable work) {
      queue.add(work);
      queued++;
    }

    private void waitFor(long count) {
      while (done < count) {
        Thread.yield();
      }
    }

    void end() {
      hasEnded = true;
    }

    void read(MemorySegment to, long address) {
      to.copyFrom(fake.memory(address, to.byteSize()));
    }

    void work() {
      fake.attach();
      while (!hasEnded) {
        Runnable next = queue.poll();
        if (next == null) {
          Thread.yield();
        } else {
          next.run();
          done = done + 1;
        }
      }
    }
  }
}
