/**
 * What RAP needs from outside of Java: native libraries, and memory by the page.
 *
 * <p><b>Start reading at</b> {@link dev.rap.natives.NativeLibrary}.
 *
 * <p><b>Threads.</b> Everything here may be used from any thread.
 *
 * <p><b>Errors.</b> A library that cannot be loaded is an {@linkplain
 * dev.rap.natives.NativeLibrary.Unavailable outcome}, not an exception.
 *
 * <p><b>Depends on</b> nothing.
 */
package dev.rap.natives;
