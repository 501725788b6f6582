// Branches that are called by JSON-RPC 2.0: what is sent to them, and what their answer means
// (protocol.md §4).
#pragma once

#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/status.h"

namespace troth::internal {

// What an http(s) URL names in its query, decoded: "…?method=TransIn". Empty: it names none, and is
// called by plain HTTP whatever its transaction asks for.
std::string JsonRpcMethod(std::string_view url);

// kInvalidArgument ("payload: …") for what can't be the parameters of a method: anything but a JSON
// object, or nothing ("null" and "[]" are as good as nothing: some SDKs send them).
Status CheckJsonRpcPayload(std::string_view payload);

// The request: the payload's members and, after them, so that they win, what a plain call has in
// its query: gid, trans_type, branch_id, op. The same in every attempt. `payload` has passed
// CheckJsonRpcPayload.
std::string JsonRpcRequest(std::string_view method, const BranchContext& context,
                           std::string_view payload);

// As ReadVerdict, except that the code of an error decides before the body's text does: -32901
// failure, -32902 ongoing. Any other error, and a body that is no JSON-RPC answer, is unknown.
BranchResult::Verdict ReadJsonRpcVerdict(int http_status, std::string_view body,
                                         bool body_verdicts);

}  // namespace troth::internal
