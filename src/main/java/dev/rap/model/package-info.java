/**
 * A decoder and the mask it obeys.
 *
 * <p><b>Start reading at</b> {@link dev.rap.model.ModelConfig} for the shapes, {@link
 * dev.rap.model.RetentionMask} for what may be left out, {@code Family} for what sets families of
 * models apart.
 *
 * <p><b>Does not know</b> who chose the mask.
 */
package dev.rap.model;
