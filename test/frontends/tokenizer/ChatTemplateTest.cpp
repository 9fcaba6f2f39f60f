//===- ChatTemplateTest.cpp - families of chat templates
//-----------------------------------------------------------===//

#include "frontends/tokenizer/TokenizerModel.h"
#include <gtest/gtest.h>

using namespace lathe;

/// Prefix, the user's text as "|" (or "|trim|"), suffix; or the refusal.
static std::string render(llvm::StringRef chatTemplate) {
  auto chat = renderChat("t", chatTemplate, "<BOS>", "<EOS>");
  if (!chat.ok())
    return std::string(chat.status().message());
  return chat->prefix + (chat->trims ? "|trim|" : "|") + chat->suffix;
}

TEST(ChatTemplate, ChatMlWithItsDefaultSystemPrompt) {
  EXPECT_EQ(
      render("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
             "'<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' "
             "}}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
             "'\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"),
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
      "<|im_start|>user\n|<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(
      render("{{ '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}{{ '<|im_start|>' + message.role + '\\n' }}"),
      "<|im_start|>system\nYou are Qwen.<|im_end|>\n<|im_start|>user\n|<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render("{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'}}"),
            "<|im_start|>user\n|<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, Llama3) {
  EXPECT_EQ(
      render("{{ bos_token }}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] "
             "| trim + '<|eot_id|>' }}"),
      "<BOS><|start_header_id|>user<|end_header_id|>\n\n|trim|<|eot_id|><|start_header_id|>assistant<|end_header_id|>"
      "\n\n");
  EXPECT_EQ(
      render("{{- bos_token }}{%- set date_string = \"26 Jul 2024\" %}{{- \"<|start_header_id|>system\" }}{{- "
             "\"Cutting Knowledge Date: December 2023\\n\" }}{{- message['content'] | trim + '<|eot_id|>' }}"),
      "<BOS><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul "
      "2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n|trim|<|eot_id|><|start_header_id|>assistant"
      "<|end_header_id|>\n\n");
}

TEST(ChatTemplate, GemmaMistralZephyr) {
  EXPECT_EQ(
      render("{{ bos_token }}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"),
      "<BOS><start_of_turn>user\n|trim|<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(render("{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}"), "<BOS>[INST] | [/INST]");
  EXPECT_EQ(render("{{ bos_token }}{{ '[INST]' + message['content'] + '[/INST]' }}"), "<BOS>[INST]|[/INST]");
  EXPECT_EQ(render("{{ '<|user|>\n' + message['content'] + eos_token }}\n{{ '<|assistant|>' }}\n"),
            "<|user|>\n|<EOS>\n<|assistant|>\n");
}

TEST(ChatTemplate, OthersAreRefusedWithAdvice) {
  EXPECT_EQ(render("{{ 'Human: ' + message['content'] }}"),
            "t: expected a chat template of ChatML, Llama 3, Gemma, Mistral or Zephyr, got \"{{ 'Human: ' + "
            "message['content'] }}\"; use --prompt");
  for (const char *other : {"{{ '<|im_start|>assistant\n<think>\n' }}", "{{ '<|im_start|>' + strftime_now('%d') }}",
                            "{{ '<|user|>' + '<|assistant|>' }}"})
    EXPECT_NE(render(other).find("use --prompt"), std::string::npos) << other;
}

TEST(ChatTemplate, UnfinishedTagsEnd) {
  for (const char *broken :
       {"<|im_start|>{{ '", "<|im_start|>{{ 'a\\", "<|im_start|>{%", "<|im_start|>{#", "<|im_start|>{"})
    render(broken);
}
