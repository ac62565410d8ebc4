"""Speaks TLS to a service as Python's own library does, and says what came of it, a line a try.

Arguments: port, file of the authority, then certificate and key of a client or nothing.
"""

import http.client
import json
import ssl
import sys
import warnings

port, authority, *client = sys.argv[1:]
warnings.simplefilter("ignore", DeprecationWarning)


def try_with(name, host="localhost", lowest=None, highest=None, trusted=True, plain=False):
    context = ssl.create_default_context(cafile=authority if trusted else None)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if lowest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    if client:
        context.load_cert_chain(*client)
    told = {"try": name}
    try:
        # Both names are this machine's; what differs is whom we expect there.
        connection = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=30, context=context)
        if plain:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
        else:
            connection._create_connection = http.client.socket.create_connection
            raw = http.client.socket.create_connection(("127.0.0.1", int(port)), 30)
            connection.sock = context.wrap_socket(raw, server_hostname=host)
            told["version"] = connection.sock.version()
            told["protocol"] = connection.sock.selected_alpn_protocol()
        for _ in range(2):
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            told["body"] = json.loads(response.read())
        told["status"] = response.status
    except (ssl.SSLError, OSError, http.client.HTTPException) as error:
        told["error"] = type(error).__name__
    print(json.dumps(told))


V = ssl.TLSVersion
try_with("newest")
try_with("1.2", highest=V.TLSv1_2)
try_with("1.3", lowest=V.TLSv1_3)
try_with("1.1", lowest=V.TLSv1, highest=V.TLSv1_1)
try_with("another host", host="elsewhere.example")
try_with("another authority", trusted=False)
try_with("plain", plain=True)
