/**
 * Files of models from the hub, or from a mirror of it, over HTTP.
 *
 * <p><b>Start reading at</b> {@link dev.rap.hub.HubPull}, which lists a repository, chooses from it
 * and fetches; {@link dev.rap.hub.Download} fetches one file.
 *
 * <p><b>Trust.</b> Nothing that a server says is trusted: neither names, lengths nor contents. A
 * file has its own name only when it is whole and its checksum is right; until then it is {@code
 * *.part}, with {@code *.part.state} beside it. The token goes to the hub's own host only.
 *
 * <p><b>Threads.</b> A download reads ranges on threads of its own and has ended them when it
 * returns; its {@link dev.rap.hub.TransferListener} is called by one of them at a time.
 *
 * <p><b>Errors.</b> {@link dev.rap.InputException} for whatever the network does, {@code
 * IOException} where this machine cannot take a file. What was fetched stays for the next try.
 *
 * <p><b>Depends on</b> nothing.
 */
package dev.rap.hub;
