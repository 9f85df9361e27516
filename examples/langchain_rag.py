"""LangChain: a vector store over passages, a chain that answers from the one that fits, and a bound tool."""

import os

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
chat = ChatOpenAI(model="smollm2-135m-instruct", base_url=f"{URL}/v1", api_key="none", temperature=0, max_tokens=40)
embeddings = OpenAIEmbeddings(
    model="all-minilm-l6-v2", base_url=f"{URL}/v1", api_key="none", check_embedding_ctx_length=False
)

store = InMemoryVectorStore(embeddings)
store.add_texts(
    [
        "The museum is closed on Mondays. On other days it opens at ten.",
        "Tickets cost nine euros. Children under twelve pay nothing.",
    ]
)
question = "What do I pay for a ticket?"
(passage,) = store.similarity_search(question, k=1)
print("found:", passage.page_content)

prompt = ChatPromptTemplate.from_messages([("system", "Answer from this text only: {text}"), ("user", "{question}")])
chain = prompt | chat | StrOutputParser()
print("answer:", chain.invoke({"text": passage.page_content, "question": question}))


@tool
def open_at(day: str) -> str:
    """When the museum opens on a day."""
    return "closed" if day == "Monday" else "10:00"


call = chat.bind_tools([open_at], tool_choice="required").invoke("When does it open on Monday?").tool_calls[0]
print("call:", call["name"], sorted(call["args"]))
