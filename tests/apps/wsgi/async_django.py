"""Async views of Django: asgiref runs them on an event loop in another thread."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of the test",
    ROOT_URLCONF=__name__,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)


async def upload(request):
    return HttpResponse(str(len(request.body)))


async def upload_file(request):
    file = request.FILES["file"]
    return HttpResponse("%s %d" % (file.name, sum(map(len, file.chunks()))))


urlpatterns = [path("upload", upload), path("file", upload_file)]
application = get_wsgi_application()
