package dev.rap.pruning;

import dev.rap.model.RetentionMask;

/** Measures what a mask costs. Expensive: runs the model over the calibration text. */
public interface MaskLoss {

  /**
   * {@return mean negative log-likelihood of the calibration text under {@code mask}, nats a token}
   */
  double loss(RetentionMask mask);
}
