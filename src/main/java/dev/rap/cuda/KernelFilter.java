package dev.rap.cuda;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;

/**
 * Kernels and cuBLAS of which a step queues one function alone, so that it can be timed with the
 * arguments that the step gives it.
 */
final class KernelFilter {
  /** Where in a step a function is called. */
  enum Part {
    EMBEDDING,
    ATTENTION,
    FEED_FORWARD,
    OUTPUT;

    /** {@return the words for people} */
    String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * A call of a part of the model.
   *
   * @param nth of this function there, from 0
   */
  record Call(Part part, String function, int nth) {}

  private final CudaKernels kernels;
  private final Optional<CudaBlas> blas;
  private final Map<String, Integer> counts = new HashMap<>(); // of this part
  private final SequencedSet<Call> seen = new LinkedHashSet<>();
  private Part part = Part.EMBEDDING;
  private Optional<Call> only = Optional.empty();

  KernelFilter(CudaKernels kernels, Optional<CudaBlas> blas) {
    this.kernels = filtered(CudaKernels.class, kernels);
    this.blas = blas.map(all -> filtered(CudaBlas.class, all));
  }

  CudaKernels kernels() {
    return kernels;
  }

  Optional<CudaBlas> blas() {
    return blas;
  }

  /** Says that the calls that follow are those of this part of a layer. */
  void enter(Part next) {
    part = next;
    counts.clear();
  }

  /** Queues this call from now on, and no other. */
  void queueOnly(Call call) {
    only = Optional.of(call);
  }

  /** {@return what {@code work} calls, of which nothing is queued} */
  List<Call> callsOf(Runnable work) {
    only = Optional.empty();
    seen.clear();
    work.run();
    return List.copyOf(seen);
  }

  private <T> T filtered(Class<T> type, T target) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> call(target, method, arguments)));
  }

  // What queues work returns nothing.
  private Object call(Object target, Method method, Object[] arguments) throws Throwable {
    if (method.getReturnType() == void.class) {
      int nth = counts.merge(method.getName(), 1, Integer::sum) - 1;
      Call call = new Call(part, method.getName(), nth);
      seen.add(call);
      if (!only.equals(Optional.of(call))) {
        return null;
      }
    }
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
