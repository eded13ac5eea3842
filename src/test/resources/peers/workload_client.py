"""A Workload API client on the C core of gRPC, with stubs made from our proto at test time.

usage: workload_client.py STUB_DIR SOCKET COMMAND
Prints one JSON object; the test asserts on it.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
import workload_pb2  # noqa: E402
import workload_pb2_grpc  # noqa: E402

socket, command = sys.argv[2], sys.argv[3]
HEADER = (("workload.spiffe.io", "true"),)


def call():
    with grpc.insecure_channel("unix:" + socket) as channel:
        api = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
        try:
            if command == "fetch":
                answer = next(api.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=HEADER, timeout=10))
                return {
                    "ids": [svid.spiffe_id for svid in answer.svids],
                    "chain": [len(svid.x509_svid) for svid in answer.svids],
                    "crl": len(answer.crl),
                }
            if command == "bundles":
                answer = next(api.FetchX509Bundles(workload_pb2.X509BundlesRequest(), metadata=HEADER, timeout=10))
                return {"domains": sorted(answer.bundles)}
            if command == "jwt":
                request = workload_pb2.JWTSVIDRequest(audience=["db"])
                token = api.FetchJWTSVID(request, metadata=HEADER, timeout=10).svids[0].svid
                bundles = next(api.FetchJWTBundles(workload_pb2.JWTBundlesRequest(), metadata=HEADER, timeout=10))
                request = workload_pb2.ValidateJWTSVIDRequest(audience="db", svid=token)
                says = api.ValidateJWTSVID(request, metadata=HEADER, timeout=10)
                return {
                    "id": says.spiffe_id,
                    "sub": says.claims["sub"],
                    "uses": [key["use"] for jwks in bundles.bundles.values() for key in json.loads(jwks)["keys"]],
                }
            if command == "no-header":
                next(api.FetchX509SVID(workload_pb2.X509SVIDRequest(), timeout=10))
            if command == "unknown-method":
                channel.unary_unary("/SpiffeWorkloadAPI/FetchNothing")(b"", metadata=HEADER, timeout=10)
            return {"code": "OK"}
        except grpc.RpcError as error:
            return {"code": error.code().name, "details": error.details()}


print(json.dumps(call()))
