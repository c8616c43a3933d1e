package dev.rap.hub;

import java.net.URI;
import java.util.Optional;

/**
 * A file that a server has.
 *
 * @param name for people, or its path in its repository
 * @param bytes that it must have
 * @param checksum that it must have, where one is known
 */
public record RemoteFile(String name, URI address, long bytes, Optional<Checksum> checksum) {}
