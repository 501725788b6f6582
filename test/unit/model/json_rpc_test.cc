// Calls by JSON-RPC: which URLs ask for it, what is sent, what an answer means.
#include "model/json_rpc.h"

#include <doctest/doctest.h>

#include "model/json.h"

namespace troth::internal {
namespace {

using Verdict = BranchResult::Verdict;

BranchContext SomeContext() {
  return {.gid = "g\"1", .trans_type = "saga", .branch_id = "01", .op = "action"};
}

}  // namespace

TEST_CASE("json-rpc: the method is the one that the URL names, and only an http URL names one") {
  CHECK(JsonRpcMethod("http://bank/rpc?method=TransIn") == "TransIn");
  CHECK(JsonRpcMethod("https://bank/rpc?a=1&method=bank.Trans%2FIn&b=2") == "bank.Trans/In");
  CHECK(JsonRpcMethod("http://bank/rpc?method=A#method=B") == "A");
  CHECK(JsonRpcMethod("http://bank/rpc?method=") == "");
  CHECK(JsonRpcMethod("http://bank/rpc?methods=A&Method=B&xmethod=C&method") == "");
  CHECK(JsonRpcMethod("http://bank/method=A") == "");
  CHECK(JsonRpcMethod("http://bank/rpc?") == "");
  CHECK(JsonRpcMethod("local:f?method=A") == "");
  CHECK(JsonRpcMethod("") == "");
}

TEST_CASE("json-rpc: parameters are the payload's members, and ours after them") {
  const auto params = [](std::string_view payload) {
    REQUIRE(CheckJsonRpcPayload(payload).ok());
    const std::string request = JsonRpcRequest("bank.In", SomeContext(), payload);
    const std::string_view head =
        R"({"jsonrpc":"2.0","id":"g\"1/01/action","method":"bank.In","params":)";
    REQUIRE_MESSAGE(request.starts_with(head), request);
    REQUIRE(IsJson(request));
    return request.substr(head.size(), request.size() - head.size() - 1);
  };
  const std::string ours = R"("gid":"g\"1","trans_type":"saga","branch_id":"01","op":"action"})";
  CHECK(params(R"({"amount":30.10,"big":123456789012345678901})") ==
        R"({"amount":30.10,"big":123456789012345678901,)" + ours);
  CHECK(params(" {\n \"to\" : {\"op\":1} } \n") == R"({"to" : {"op":1},)" + ours);
  for (const std::string_view nothing : {"", "{}", " { } ", "null", "[]"}) {
    CHECK(params(nothing) == "{" + ours);
  }
  // Whoever reads it takes the last of two members.
  const auto read = ParseJson(params(R"({"op":"add","gid":"x"})"), {});
  REQUIRE(read.ok());
  CHECK(read->Find("op")->text == "action");
  CHECK(read->Find("gid")->text == "g\"1");
}

TEST_CASE("json-rpc: what the query of a session's call has besides is a parameter too") {
  BranchContext context = SomeContext();
  context.coordinator = "http://tm/api/dtmsvr";
  context.phase2_url = "http://bank/rpc?method=Xa";
  const std::string request = JsonRpcRequest("Xa", context, "");
  CHECK(
      request.find(R"("dtm":"http://tm/api/dtmsvr","phase2_url":"http://bank/rpc?method=Xa"}})") !=
      std::string::npos);
}

TEST_CASE("json-rpc: what is no object can't be parameters") {
  for (const std::string_view payload :
       {"30", "\"x\"", "[1]", "{", "{]", "{}{}", "hello", "{\"a\"}", "{\"a\":\"\xff\"}"}) {
    CHECK_MESSAGE(CheckJsonRpcPayload(payload).code() == StatusCode::kInvalidArgument, payload);
  }
  // What is behind the zero byte would become part of the request.
  CHECK_FALSE(CheckJsonRpcPayload(std::string_view("{}\0}", 4)).ok());
  std::string deep = R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  CHECK(CheckJsonRpcPayload(deep).ok());
}

TEST_CASE("json-rpc: the status decides, then the error's code, then the text") {
  struct Row {
    int status;
    std::string_view body;
    Verdict with_text;
    Verdict without;
  };
  using enum BranchResult::Verdict;
  const Row rows[] = {
      {200, R"({"jsonrpc":"2.0","id":"x","result":null})", kSuccess, kSuccess},
      {200, R"({"jsonrpc":"2.0","id":"x","error":null,"result":{"a":1}})", kSuccess, kSuccess},
      {200, R"({"error":{"code":-32901,"message":"no money"}})", kFailure, kFailure},
      {200, R"({"error":{"code":-32902}})", kOngoing, kOngoing},
      {200, R"({"error":{"code":-32901,"message":"ONGOING"}})", kFailure, kFailure},
      {200, R"({"error":{"code":-32902,"message":"FAILURE"}})", kOngoing, kOngoing},
      {200, R"({"error":{"code":-23977,"message":"oops"}})", kUnknown, kUnknown},
      {200, R"({"error":{"code":-32603,"message":"x. FAILURE"}})", kFailure, kUnknown},
      {200, R"({"error":{"code":"-32901"}})", kUnknown, kUnknown},
      {200, R"({"error":"no"})", kUnknown, kUnknown},
      {200, R"({"result":"FAILURE"})", kFailure, kSuccess},
      {200, R"({"dtm_result":"ONGOING"})", kOngoing, kSuccess},
      {200, "", kUnknown, kUnknown},
      {204, "", kUnknown, kUnknown},
      {200, "done", kUnknown, kUnknown},
      {200, "[]", kUnknown, kUnknown},
      {200, "FAILURE", kFailure, kUnknown},
      {202, R"({"error":{"code":-32901}})", kOngoing, kOngoing},
      {425, "", kOngoing, kOngoing},
      {409, R"({"error":{"code":-32902}})", kFailure, kFailure},
      {500, R"({"error":{"code":-32901}})", kUnknown, kUnknown},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    CHECK(ReadJsonRpcVerdict(row.status, row.body, true) == row.with_text);
    CHECK(ReadJsonRpcVerdict(row.status, row.body, false) == row.without);
  }
}

}  // namespace troth::internal
