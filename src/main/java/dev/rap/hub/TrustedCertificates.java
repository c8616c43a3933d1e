package dev.rap.hub;

import dev.rap.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Whose word servers' certificates are taken on, where that is not the JDK's own list. */
final class TrustedCertificates {
  /** The variable of OpenSSL and of the hub's own tools. */
  static final String VARIABLE = "SSL_CERT_FILE";

  private TrustedCertificates() {}

  /**
   * {@return what trusts the certificates in the file that SSL_CERT_FILE names, and no others}
   *
   * @throws InputException if the file cannot be read or holds none
   */
  static Optional<SSLContext> of(Map<String, String> environment) {
    String file = environment.getOrDefault(VARIABLE, "");
    return file.isBlank() ? Optional.empty() : Optional.of(context(file));
  }

  /** {@return whether a connection failed for a certificate, not for a handshake that broke off} */
  static boolean isDistrust(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return true;
      }
    }
    return false;
  }

  private static SSLContext context(String file) {
    try (InputStream bytes = Files.newInputStream(Path.of(file))) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509").generateCertificates(bytes)) {
        store.setCertificateEntry(String.valueOf(store.size()), certificate);
      }
      if (store.size() == 0) {
        throw unusable(file, null);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (IOException | InvalidPathException | GeneralSecurityException e) {
      throw unusable(file, e);
    }
  }

  private static InputException unusable(String file, Exception cause) {
    return new InputException(
        "%s names %s, expected a file that can be read and holds certificates in PEM"
            .formatted(VARIABLE, file),
        cause);
  }
}
