#include "certificates.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace troth::internal {
namespace {

X509* Make(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
           const std::string& alternative) {
  static std::atomic<long> serial{1};
  X509* out = X509_new();
  X509_set_version(out, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out), serial++);
  X509_gmtime_adj(X509_getm_notBefore(out), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out), 3600);
  X509_set_pubkey(out, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(out, X509_get_subject_name(issuer == nullptr ? out : issuer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer == nullptr ? out : issuer, out, nullptr, nullptr, 0);
  const auto add = [&](int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(out, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (!alternative.empty()) add(NID_subject_alt_name, alternative.c_str());
  REQUIRE(X509_sign(out, issuer_key, EVP_sha256()) != 0);
  return out;
}

void WriteCertificate(const std::string& path, X509* certificate) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_X509(file, certificate);
  std::fclose(file);
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  std::string pattern = (std::filesystem::temp_directory_path() / "troth-ca-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  key_ = EVP_EC_gen("P-256");
  certificate_ = Make("test authority", key_, nullptr, key_, "");
  WriteCertificate(file(), certificate_);
}

CertificateAuthority::~CertificateAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::filesystem::remove_all(folder_);
}

void CertificateAuthority::Issue(const std::string& name, const std::string& alternative) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = Make(name, key, certificate_, key_, alternative);
  WriteCertificate(Certificate(name), certificate);
  std::FILE* file = std::fopen(Key(name).c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace troth::internal
