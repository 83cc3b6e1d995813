"""Which spans answer a question in words best, and is what it asks for here at all?"""
