//===- TokenizerTest.cpp - small sections written by hand, whole and damaged --------------------------------------===//

#include "../../runtime/tokenizer/Tokenizer.h"
#include "../../runtime/tokenizer/Unicode.h"
#include "lrt/tokenizer.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string.h>

using namespace lrt;

namespace {

using Ids = std::vector<int32_t>;

/// A section, table by table.
class Section {
public:
  lrt_tokenizer_header header = {};
  std::vector<std::string> tokens;
  std::vector<double> scores;
  std::vector<std::array<uint32_t, 3>> merges; // left, right, result: in the order of rank
  std::vector<lrt_tokenizer_added> added;
  std::vector<lrt_tokenizer_step> normalizers, splitters;
  std::vector<uint32_t> prefixIds, suffixIds, endIds;
  std::vector<lrt_tokenizer_guard> guards;
  bool hasByteTokens = false; // token i + 1 is byte i

  explicit Section(std::vector<std::string> tokens, uint32_t model = LRT_TOKENIZER_BPE, uint32_t flags = 0)
      : tokens(std::move(tokens)), pool(1, '\0') {
    header.magic = LRT_TOKENIZER_MAGIC;
    header.version = LRT_TOKENIZER_VERSION;
    header.header_bytes = sizeof(header);
    header.model = model;
    header.flags = flags;
    header.unknown = header.bos = -1;
  }

  lrt_tokenizer_string string(const std::string &text) {
    pool += text;
    return {static_cast<uint32_t>(pool.size() - text.size()), static_cast<uint32_t>(text.size())};
  }

  /// Stored as 64-bit words, so that the bytes are aligned.
  std::vector<uint64_t> build() {
    const uint32_t ids = tokens.size();
    header.ids = header.symbols = ids;
    std::vector<lrt_tokenizer_string> pieces;
    std::vector<lrt_tokenizer_entry> entries;
    std::vector<uint32_t> slots(64), sorted;
    std::vector<int32_t> byteIds(256, -1);
    while (slots.size() < ids * 2)
      slots.resize(slots.size() * 2);
    for (uint32_t id = 0; id < ids; ++id) {
      pieces.push_back(string(tokens[id]));
      entries.push_back({pieces.back(), id});
      size_t slot = lrt_tokenizer_hash(tokens[id].data(), tokens[id].size());
      while (slots[slot & (slots.size() - 1)] != 0)
        ++slot;
      slots[slot & (slots.size() - 1)] = id + 1;
      sorted.push_back(id);
      if ((header.flags & LRT_TOKENIZER_BYTES) && tokens[id].size() == 1)
        byteIds[static_cast<uint8_t>(tokens[id][0])] = id;
    }
    if (hasByteTokens)
      for (int byte = 0; byte < 256; ++byte)
        byteIds[byte] = byte + 1;
    std::sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) { return tokens[a] < tokens[b]; });
    header.pieces = table(pieces);
    header.token_flags = table(std::vector<uint8_t>(ids));
    header.entries = table(entries);
    header.slots = table(slots);
    header.byte_ids = table(byteIds);
    if (header.model == LRT_TOKENIZER_UNIGRAM)
      header.sorted = table(sorted);
    if (header.model == LRT_TOKENIZER_BPE) {
      std::map<std::pair<uint32_t, uint32_t>, lrt_tokenizer_merge> ordered;
      for (uint32_t rank = 0; rank < merges.size(); ++rank)
        ordered[{merges[rank][0], merges[rank][1]}] = {merges[rank][1], rank, merges[rank][2]};
      std::vector<uint32_t> rows(ids + 1);
      std::vector<lrt_tokenizer_merge> list;
      for (const auto &[key, merge] : ordered) {
        ++rows[key.first + 1];
        list.push_back(merge);
      }
      for (uint32_t i = 0; i < ids; ++i)
        rows[i + 1] += rows[i];
      header.merge_rows = table(rows);
      header.merges = table(list);
    } else {
      header.scores = table(scores);
    }
    header.added = table(added);
    header.normalizers = table(normalizers);
    header.splitters = table(splitters);
    header.prefix_ids = table(prefixIds);
    header.suffix_ids = table(suffixIds);
    header.end_ids = table(endIds);
    header.chat_guards = table(guards);
    header.pool = table(std::vector<char>(pool.begin(), pool.end()));
    const size_t words = sizeof(header) / 8;
    header.bytes = (words + data.size()) * 8;
    std::vector<uint64_t> all(words);
    memcpy(all.data(), &header, sizeof(header));
    all.insert(all.end(), data.begin(), data.end());
    return all;
  }

private:
  template <typename T> lrt_tokenizer_table table(const std::vector<T> &elements) {
    const size_t begin = data.size();
    data.resize(begin + (elements.size() * sizeof(T) + 7) / 8);
    if (!elements.empty())
      memcpy(data.data() + begin, elements.data(), elements.size() * sizeof(T));
    return {static_cast<uint32_t>(sizeof(header) + begin * 8), static_cast<uint32_t>(elements.size())};
  }

  std::string pool;
  std::vector<uint64_t> data;
};

const uint8_t *bytesOf(const std::vector<uint64_t> &words) { return reinterpret_cast<const uint8_t *>(words.data()); }

Ids encode(const std::vector<uint64_t> &section, std::string_view text, bool addSpecial = true) {
  Tokenizer tokenizer;
  std::string error;
  EXPECT_TRUE(tokenizer.open(bytesOf(section), section.size() * 8, error)) << error;
  Ids ids;
  if (error.empty()) {
    EXPECT_TRUE(tokenizer.encode(text, addSpecial, ids, error)) << error;
  }
  return ids;
}

/// a b c ab bc abc, with bc merged before ab.
Section letters() {
  Section section({"a", "b", "c", "ab", "bc", "abc", " "}, LRT_TOKENIZER_BPE, LRT_TOKENIZER_BYTES);
  section.merges = {{1, 2, 4}, {0, 1, 3}, {0, 4, 5}};
  return section;
}

} // namespace

TEST(Tokenizer, MergesTheLowestRankFirstThenFromTheLeft) {
  const auto section = letters().build();
  EXPECT_EQ(encode(section, "ab"), (Ids{3}));
  EXPECT_EQ(encode(section, "abc"), (Ids{5})); // a bc, not ab c
  EXPECT_EQ(encode(section, "abab c"), (Ids{3, 3, 6, 2}));
  EXPECT_EQ(encode(section, ""), Ids());
}

TEST(Tokenizer, DropsOrKeepsUnknownBytesAsItsEngineDoes) {
  Section huggingFace = letters();
  EXPECT_EQ(encode(huggingFace.build(), "axb"), (Ids{3})); // as if x had not been there
  Section llama = letters();
  llama.header.flags |= LRT_TOKENIZER_KEEP_UNKNOWN;
  EXPECT_EQ(encode(llama.build(), "axb"), (Ids{0, 1})); // x still parts its neighbours
  Section unknown = letters();
  unknown.header.unknown = 6;
  EXPECT_EQ(encode(unknown.build(), "axb"), (Ids{0, 6, 1}));
}

TEST(Tokenizer, PutsSpecialIdsAroundATextWhenAsked) {
  Section section = letters();
  section.prefixIds = {2};
  section.suffixIds = {1, 0};
  const auto built = section.build();
  EXPECT_EQ(encode(built, "ab"), (Ids{2, 3, 1, 0}));
  EXPECT_EQ(encode(built, "ab", false), (Ids{3}));
  EXPECT_EQ(encode(built, ""), (Ids{2, 1, 0}));
}

TEST(Tokenizer, FindsSpecialTokensFromTheLeftOrTheLongestFirst) {
  Section section = letters();
  section.tokens.insert(section.tokens.end(), {"<ab", "b><c>"});
  section.added = {{section.string("<ab"), 7, 0}, {section.string("b><c>"), 8, 0}};
  EXPECT_EQ(encode(section.build(), "c<ab><c>c"), (Ids{2, 7, 2, 2}));
  Section longest = letters();
  longest.tokens.insert(longest.tokens.end(), {"<ab", "b><c>"});
  longest.added = {{longest.string("<ab"), 7, 0}, {longest.string("b><c>"), 8, 0}};
  longest.header.flags |= LRT_TOKENIZER_LONGEST_FIRST;
  EXPECT_EQ(encode(longest.build(), "c<ab><c>c"), (Ids{2, 0, 8, 2}));
}

TEST(Tokenizer, SpecialTokensTakeWhiteSpaceAndKnowWords) {
  Section section = letters();
  section.tokens.insert(section.tokens.end(), {"<l>", "<r>", "cab"});
  section.added = {{section.string("<l>"), 7, LRT_ADDED_STRIP_LEFT},
                   {section.string("<r>"), 8, LRT_ADDED_STRIP_RIGHT},
                   {section.string("cab"), 9, LRT_ADDED_SINGLE_WORD}};
  const auto built = section.build();
  EXPECT_EQ(encode(built, "a  <l> b"), (Ids{0, 7, 6, 1}));
  EXPECT_EQ(encode(built, "a <r>  b"), (Ids{0, 6, 8, 1}));
  EXPECT_EQ(encode(built, "<r>  <l>"), (Ids{8, 7}));
  EXPECT_EQ(encode(built, "cab cabb"), (Ids{9, 6, 2, 3, 1}));
}

TEST(Tokenizer, TokensInsideWhiteSpaceAlreadyTakenAreReadAsTheLibraryDoes) {
  Section section({"a", "b", "\n", "<r>", "\n\n", "\nb"}, LRT_TOKENIZER_BPE, LRT_TOKENIZER_BYTES);
  section.added = {{section.string("<r>"), 3, LRT_ADDED_STRIP_RIGHT}, {section.string("\n\n"), 4, 0}};
  EXPECT_EQ(encode(section.build(), "<r>\n\n\na"), (Ids{3, 4, 2, 0}));
  section.added[1].flags = LRT_ADDED_STRIP_RIGHT;
  EXPECT_EQ(encode(section.build(), "\n\n\n\n\n"), (Ids{4, 4}));
  section.added[1].flags = LRT_ADDED_STRIP_LEFT | LRT_ADDED_STRIP_RIGHT;
  EXPECT_EQ(encode(section.build(), "<r>\n\n\na"), (Ids{3, 0}));
  section.added.push_back({section.string("\nb"), 5, LRT_ADDED_STRIP_LEFT});
  EXPECT_EQ(encode(section.build(), "<r>\nb"), (Ids{3, 5}));
}

TEST(Tokenizer, SingleWordsKnowLettersBeyondAscii) {
  Section section = letters();
  section.tokens.push_back("cab");
  section.added = {{section.string("cab"), 7, LRT_ADDED_SINGLE_WORD}};
  const auto built = section.build();
  const auto isFound = [&](const std::string &text) {
    const Ids ids = encode(built, text);
    return std::find(ids.begin(), ids.end(), 7) != ids.end();
  };
  for (const char *other : {"\u00d7", "\uff01", "\u3010", "\U0001f600", "\u00b2", "\u00ac", "-"}) {
    EXPECT_TRUE(isFound(other + std::string("cab"))) << other;
    EXPECT_TRUE(isFound("cab" + std::string(other))) << other;
  }
  for (const char *letter : {"\u00e9", "\u0301", "\u4e2d", "\u0663", "\u203f", "\u24b6", "_"}) {
    EXPECT_FALSE(isFound(letter + std::string("cab"))) << letter;
    EXPECT_FALSE(isFound("cab" + std::string(letter))) << letter;
  }
}

TEST(Tokenizer, OnlyTheStartOfTheTextIsPrefixedNotTheFirstWordLeft) {
  Section section({"a", "b", "_"}, LRT_TOKENIZER_BPE, LRT_TOKENIZER_BYTES);
  section.splitters = {{LRT_TEXT_SPLIT, LRT_SPLIT_REMOVED, section.string(" +"), {}},
                       {LRT_TEXT_METASPACE, LRT_PREFIX_FIRST, section.string("_"), {}}};
  EXPECT_EQ(encode(section.build(), "a b"), (Ids{2, 0, 1}));
  EXPECT_EQ(encode(section.build(), " a b"), (Ids{0, 1}));
}

TEST(Tokenizer, FallsBackToBytes) {
  std::vector<std::string> tokens = {"<unk>"};
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back("<" + std::to_string(byte) + ">");
  tokens.push_back("a");
  Section section(tokens, LRT_TOKENIZER_BPE, LRT_TOKENIZER_BYTE_FALLBACK);
  section.hasByteTokens = true;
  EXPECT_EQ(encode(section.build(), "a\u00e9"), (Ids{257, 0xc3 + 1, 0xa9 + 1}));
}

TEST(Tokenizer, ScoresDecideWhichNeighboursMerge) {
  Section section({"a", "b", "c", "ab", "bc"}, LRT_TOKENIZER_SCORES);
  section.scores = {0, 0, 0, -2, -1};
  EXPECT_EQ(encode(section.build(), "abc"), (Ids{0, 4}));
  Section other({"a", "b", "c", "ab", "bc"}, LRT_TOKENIZER_SCORES);
  other.scores = {0, 0, 0, -1, -1};
  EXPECT_EQ(encode(other.build(), "abc"), (Ids{3, 2})); // equal: from the left
}

TEST(Tokenizer, UnigramTakesTheBestPathAndJoinsUnknownCharacters) {
  Section section({"<unk>", "a", "b", "c", "ab", "abc"}, LRT_TOKENIZER_UNIGRAM);
  section.scores = {0, -1, -1, -1, -1.5, -4};
  section.header.unknown = 0;
  section.header.unknown_score = -20;
  const auto built = section.build();
  EXPECT_EQ(encode(built, "abc"), (Ids{4, 3}));
  EXPECT_EQ(encode(built, "axyb"), (Ids{1, 0, 2}));
}

TEST(Tokenizer, AMillionCharactersNeitherStallNorAreCut) {
  // Tokens of doubling length: merging in quadratic time would take hours.
  std::vector<std::string> tokens;
  Section section({"a", "aa", "aaaa", std::string(8, 'a'), "b", " ", "  ", "    "}, LRT_TOKENIZER_BPE,
                  LRT_TOKENIZER_BYTES);
  section.merges = {{0, 0, 1}, {1, 1, 2}, {2, 2, 3}, {5, 5, 6}, {6, 6, 7}};
  section.splitters = {{LRT_TEXT_SPLIT, LRT_SPLIT_ISOLATED, section.string(" ?[^ ]+|[ ]+(?![^ ])|[ ]+"), {}}};
  const auto built = section.build();
  constexpr size_t million = 1000000;
  EXPECT_EQ(encode(built, std::string(million, 'a')), Ids(million / 8, 3));
  EXPECT_EQ(encode(built, std::string(million, ' ')), Ids(million / 4, 7));
  std::string alternating;
  for (size_t i = 0; i < million / 2; ++i)
    alternating += "ab";
  EXPECT_EQ(encode(built, alternating).size(), million);
  Ids ids = encode(built, std::string(million, ' ') + "a"); // the last space goes to the word
  EXPECT_EQ(ids.size(), (million - 4) / 4 + 2 + 2);
}

/// The same for the other two models, which see a text as one word.
TEST(Tokenizer, AMillionCharactersInOneWord) {
  constexpr size_t million = 1000000;
  Section scores({"a", "aa", "aaaa", std::string(8, 'a'), "b", " ", "  ", "    "}, LRT_TOKENIZER_SCORES);
  scores.scores = {-9, -1, -2, -3, -9, -9, -1, -2};
  const auto byScore = scores.build();
  EXPECT_EQ(encode(byScore, std::string(million, 'a')), Ids(million / 8, 3));
  EXPECT_EQ(encode(byScore, std::string(million, ' ')), Ids(million / 4, 7));

  Section unigram({"<unk>", "a", "aa", std::string(8, 'a'), " ", "    "}, LRT_TOKENIZER_UNIGRAM);
  unigram.scores = {0, -3, -2, -1, -3, -2};
  unigram.header.unknown = 0;
  unigram.header.unknown_score = -20;
  const auto byPath = unigram.build();
  EXPECT_EQ(encode(byPath, std::string(million, 'a')), Ids(million / 8, 3));
  EXPECT_EQ(encode(byPath, std::string(million, ' ')), Ids(million / 4, 5));
  EXPECT_EQ(encode(byPath, std::string(million, 'x')), Ids{0}); // unknown characters are one token
}

TEST(Tokenizer, RefusesEveryShorterSection) {
  Section section = letters();
  section.normalizers = {{LRT_TEXT_NFC, 0, {}, {}}};
  const auto built = section.build();
  for (size_t size = 0; size < built.size() * 8; ++size) {
    Tokenizer tokenizer;
    std::string error;
    EXPECT_FALSE(tokenizer.open(bytesOf(built), size, error)) << size;
    EXPECT_EQ(error.rfind("tokenizer: ", 0), 0u);
    EXPECT_EQ(error.find('\n'), error.npos);
  }
}

TEST(Tokenizer, SurvivesAnyDamagedWord) {
  for (uint32_t model : {LRT_TOKENIZER_BPE, LRT_TOKENIZER_SCORES, LRT_TOKENIZER_UNIGRAM}) {
    Section section({"<unk>", "a", "b", "ab", " ", "<x>"}, model, model == LRT_TOKENIZER_BPE ? LRT_TOKENIZER_BYTES : 0);
    section.scores = {0, -1, -1, -1.5, -1, 0};
    section.header.unknown = 0;
    section.header.unknown_score = -10;
    if (model == LRT_TOKENIZER_BPE)
      section.merges = {{1, 2, 3}};
    section.added = {{section.string("<x>"), 5, LRT_ADDED_NORMALIZED}};
    section.normalizers = {{LRT_TEXT_REPLACE, 0, section.string("c"), section.string("a")},
                           {LRT_TEXT_CHARSMAP, 0, section.string(std::string("\x08\0\0\0abcdefghi", 13)), {}}};
    section.splitters = {{LRT_TEXT_SPLIT, LRT_SPLIT_REMOVED, section.string(" +"), {}},
                         {LRT_TEXT_METASPACE, LRT_PREFIX_ALWAYS, section.string(" "), {}}};
    section.endIds = {5};
    const auto whole = section.build();
    for (size_t place = 0; place < whole.size() * 8; place += 4)
      for (uint32_t value : {0u, 1u, 7u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
        auto damaged = whole;
        memcpy(reinterpret_cast<uint8_t *>(damaged.data()) + place, &value, 4);
        Tokenizer tokenizer;
        std::string error;
        Ids ids;
        if (!tokenizer.open(bytesOf(damaged), damaged.size() * 8, error))
          continue;
        tokenizer.encode("ab c<x> \xff\u00e9 ba", true, ids, error);
        tokenizer.encodeChat("ab", ids, error);
        for (int32_t id = -1; id <= tokenizer.size(); ++id)
          tokenizer.piece(id), tokenizer.isEnd(id), tokenizer.isSpecial(id);
      }
  }
}

TEST(Tokenizer, RendersAChatOnlyWhenThereIsATemplate) {
  Section section = letters();
  Tokenizer tokenizer;
  std::string error;
  Ids ids;
  const auto without = section.build();
  ASSERT_TRUE(tokenizer.open(bytesOf(without), without.size() * 8, error)) << error;
  EXPECT_FALSE(tokenizer.hasChat());
  EXPECT_FALSE(tokenizer.encodeChat("ab", ids, error));
  EXPECT_NE(error.find("--prompt"), error.npos);

  Section chat = letters();
  chat.header.flags |= LRT_TOKENIZER_HAS_CHAT | LRT_TOKENIZER_TRIM_CHAT_LEFT | LRT_TOKENIZER_TRIM_CHAT_RIGHT;
  chat.header.chat_prefix = chat.string("a");
  chat.header.chat_suffix = chat.string("c");
  const auto with = chat.build();
  Tokenizer chatting;
  error.clear();
  ASSERT_TRUE(chatting.open(bytesOf(with), with.size() * 8, error)) << error;
  ASSERT_TRUE(chatting.encodeChat(" \n b ", ids, error));
  EXPECT_EQ(ids, (Ids{5})); // merged across the edges, as one text
}

/// Python's strip() removes Unicode's white space and four separators of ASCII.
TEST(Tokenizer, TrimsAUsersTextAsTheTemplateDoes) {
  const auto encode = [](uint32_t flags, std::string_view user) {
    Section chat = letters();
    chat.header.flags |= LRT_TOKENIZER_HAS_CHAT | flags;
    chat.header.chat_prefix = chat.header.chat_suffix = chat.string("");
    const auto bytes = chat.build();
    Tokenizer tokenizer;
    std::string error;
    Ids ids;
    EXPECT_TRUE(tokenizer.open(bytesOf(bytes), bytes.size() * 8, error)) << error;
    EXPECT_TRUE(tokenizer.encodeChat(user, ids, error)) << error;
    return ids;
  };
  constexpr uint32_t left = LRT_TOKENIZER_TRIM_CHAT_LEFT, right = LRT_TOKENIZER_TRIM_CHAT_RIGHT;
  EXPECT_EQ(encode(left | right, " \x1c\u3000b\x1f\n"), encode(0, "b"));
  EXPECT_EQ(encode(left, "\nb"), encode(0, "b"));
  EXPECT_EQ(encode(right, "b\n"), encode(0, "b"));
}

TEST(Tokenizer, RefusesAChatThatTheTemplateTreatsOtherwise) {
  Section chat = letters();
  chat.header.flags |= LRT_TOKENIZER_HAS_CHAT;
  chat.header.chat_prefix = chat.header.chat_suffix = chat.string("");
  chat.guards = {{LRT_GUARD_STARTS, 0, chat.string("/x")},
                 {LRT_GUARD_ENDS, 0, chat.string("y\n")},
                 {LRT_GUARD_CONTAINS, 0, chat.string("zz")},
                 {LRT_GUARD_IS, 0, chat.string("w")},
                 {LRT_GUARD_IS, LRT_TOKENIZER_TRIM_CHAT_LEFT | LRT_TOKENIZER_TRIM_CHAT_RIGHT, chat.string("")}};
  const auto bytes = chat.build();
  Tokenizer tokenizer;
  std::string error;
  ASSERT_TRUE(tokenizer.open(bytesOf(bytes), bytes.size() * 8, error)) << error;
  Ids ids;
  for (const char *text : {"a/x", "y", "z", "ww", "y\nb"})
    EXPECT_TRUE(tokenizer.encodeChat(text, ids, error)) << error;
  for (const auto &[text, what] : {std::pair("/xa", "starts with \"/x\""), std::pair("ay\n", "ends with \"y\\n\""),
                                   std::pair("azza", "contains \"zz\""), std::pair("w", "is \"w\""),
                                   std::pair(" \n", "is empty without the space around it")}) {
    EXPECT_FALSE(tokenizer.encodeChat(text, ids, error));
    EXPECT_EQ(error, std::string("--chat: the chat template gives another prompt for a text that ") + what +
                         ", which this program cannot make; use --prompt");
  }
  chat.guards[0].kind = 4;
  const auto damaged = chat.build();
  EXPECT_FALSE(tokenizer.open(bytesOf(damaged), damaged.size() * 8, error));
  EXPECT_EQ(error, "tokenizer: table chat_guards does not hold what it should");
}

/// split_special_tokens: the text of such a token is read as other text, but hides a shorter one.
TEST(Tokenizer, SpecialTokensMayBeReadAsText) {
  Section section = letters();
  section.added = {{section.string("cab"), 3, 0}, {section.string("ab"), 4, 0}};
  auto bytes = section.build();
  Tokenizer cutting;
  std::string error;
  Ids ids, plain;
  ASSERT_TRUE(cutting.open(bytesOf(bytes), bytes.size() * 8, error)) << error;
  ASSERT_TRUE(cutting.encode("cabab", false, ids, error));
  EXPECT_EQ(ids, (Ids{3, 4}));
  section.added[0].flags = LRT_ADDED_AS_TEXT;
  bytes = section.build();
  Tokenizer reading;
  ASSERT_TRUE(reading.open(bytesOf(bytes), bytes.size() * 8, error)) << error;
  ASSERT_TRUE(reading.encode("cabab", false, ids, error));
  section.added.clear();
  bytes = section.build();
  Tokenizer bare;
  ASSERT_TRUE(bare.open(bytesOf(bytes), bytes.size() * 8, error)) << error;
  ASSERT_TRUE(bare.encode("cab", false, plain, error));
  plain.push_back(4);
  EXPECT_EQ(ids, plain);
}

TEST(Utf8Stream, KeepsUnfinishedCharactersBack) {
  Utf8Stream stream;
  EXPECT_EQ(stream.add("a\xe4\xbd"), "a");
  EXPECT_EQ(stream.add("\xa0\xf0\x9f"), "\xe4\xbd\xa0");
  EXPECT_EQ(stream.add("\x91"), "");
  EXPECT_EQ(stream.add("\x8b!"), "\xf0\x9f\x91\x8b!");
  EXPECT_EQ(stream.add("\xc3"), "");
  EXPECT_EQ(stream.flush(), "\xc3");
  EXPECT_EQ(stream.flush(), "");
}

TEST(Utf8Stream, PassesBytesThatCanBecomeNothing) {
  Utf8Stream stream;
  EXPECT_EQ(stream.add("\xff\x80\x80\x80\x80"), "\xff\x80\x80\x80\x80");
  EXPECT_EQ(stream.add("\xf0"), "");
  EXPECT_EQ(stream.add("x"), "\xf0x");
}

TEST(Unicode, NormalForms) {
  EXPECT_EQ(normalize("e\u0301", false, true), "\u00e9");
  EXPECT_EQ(normalize("\u00e9", false, false), "e\u0301");
  EXPECT_EQ(normalize("A\u030a\u0327", false, true), "\u00c5\u0327");
  EXPECT_EQ(normalize("q\u0307\u0323", false, true), "q\u0323\u0307");
  EXPECT_EQ(normalize("\u1100\u1161\u11a8", false, true), "\uac01");
  EXPECT_EQ(normalize("\uac01", false, false), "\u1100\u1161\u11a8");
  EXPECT_EQ(normalize("\ufb01\u00b2\u2460", true, true), "fi21");
  EXPECT_EQ(normalize("\u212b \u0958", false, true), "\u00c5 \u0915\u093c"); // excluded from composition
}

TEST(Unicode, ReplacesWhatIsNoCharacter) {
  EXPECT_EQ(replaceInvalidUtf8("a\xff\xc3"), "a\ufffd\ufffd");
  EXPECT_EQ(replaceInvalidUtf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd"); // a surrogate
  EXPECT_EQ(replaceInvalidUtf8("\xf0\x9f\x91\x8b"), "\xf0\x9f\x91\x8b");
}
