"""A way to a server that breaks: forwards TCP connections until one has brought enough bytes, then
cuts that one, or goes silent on it."""
import contextlib
import socket
import threading


class CuttingProxy:
    """Listens on loopback. Once the server has sent `bytes` on a connection it is cut both ways;
    `silent`, it stays open and brings nothing more."""

    def __init__(self, target_port, bytes, silent=False):
        self.target_port, self.bytes, self.silent = target_port, bytes, silent
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for end in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target_port))
                self._open += [client, server]
                threading.Thread(target=self._forward, args=(client, server, None),
                                 daemon=True).start()
                threading.Thread(target=self._forward, args=(server, client, self.bytes),
                                 daemon=True).start()

    def _forward(self, source, sink, limit):
        """Copies until one side ends or the limit is reached, then ends both."""
        sent = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if limit is not None and sent + len(data) > limit:
                    sink.sendall(data[:limit - sent])
                    self.cuts += 1
                    if self.silent:
                        return
                    break
                sink.sendall(data)
                sent += len(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
